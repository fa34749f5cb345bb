"""Sensors that wait for orders."""
