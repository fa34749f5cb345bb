"""Triggers that poll in the triggerer, without a worker slot."""
