"""State of the sandbox: accounts, catalog, orders, Selects, monitors, clock."""
