"""Operators that order imagery and list what was delivered."""
