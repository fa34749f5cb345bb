"""Polling the API for as long as an order or a Select runs: schedule, outages, shared clients."""
