"""Fault injection: rules and the middleware that applies them."""
