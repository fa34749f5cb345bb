"""Selects, the API's searches for tiles to order: request, search interval and results."""
