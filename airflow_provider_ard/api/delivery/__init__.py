"""Delivered tiles: where they are stored, how they are described, and which of them belong to an order."""
