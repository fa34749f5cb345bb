"""Cost of listing an order's tiles."""
