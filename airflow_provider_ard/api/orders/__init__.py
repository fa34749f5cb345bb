"""Orders: the request, its parts, and the status that the API reports."""
