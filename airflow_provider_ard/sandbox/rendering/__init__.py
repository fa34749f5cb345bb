"""Delivered files: imagery, masks, STAC documents, and the storage they are written to."""
