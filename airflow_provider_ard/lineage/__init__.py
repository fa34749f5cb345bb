"""OpenLineage facets of orders and deliveries."""
