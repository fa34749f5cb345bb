"""Triggers that wait for orders in the triggerer."""
