"""HTTP transport: sessions, tokens, retries, responses and pages of lists."""
