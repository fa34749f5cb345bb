"""Placing an order exactly once: idempotency, the submission record, budgets."""
