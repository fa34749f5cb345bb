"""Delivered tiles: their layout, their STAC documents, and which of them belong to an order."""
