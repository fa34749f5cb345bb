"""Roots of the paths that the server serves."""

API_ROOT = "/api/v1"
DOWNLOADS_ROOT = "/signed"
