"""Validation of requests, as the API is documented to do it."""
