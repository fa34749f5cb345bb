"""The accounts of a sandbox: tenants of one server, who do not see each other's orders."""

from typing import Any

from airflow_provider_ard.sandbox.assumptions import Assumptions
from airflow_provider_ard.sandbox.backend.accounts import ACCOUNT, OTHER_ACCOUNT
from airflow_provider_ard.sandbox.backend.catalog import Catalog
from airflow_provider_ard.sandbox.backend.state import Settings, Shared, State
from airflow_provider_ard.sandbox.validation.errors import not_found


class Tenants:
    """The states of both accounts; `first` is that of the default login."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._shared = Shared(catalog, settings, (ACCOUNT, OTHER_ACCOUNT))
        self.first = State(ACCOUNT, self._shared)
        self.other = State(OTHER_ACCOUNT, self._shared)

    @property
    def all(self) -> tuple[State, State]:
        """The states of all accounts."""
        return self.first, self.other

    def of(self, account_id: str) -> State:
        """Return the state of an account; raises a 404 for an unknown one."""
        for state in self.all:
            if state.account.account_id == account_id:
                return state
        raise not_found(f"Unknown account {account_id}")

    def assume(self, assumptions: Assumptions) -> None:
        """Replace the assumptions."""
        self._shared.assumptions = assumptions

    def owner(self, order_id: str) -> State:
        """Return the state of the account that has placed an order; raises a 404 for an unknown order."""
        for state in self.all:
            if any(order.id == order_id for order in state.orders.all()):
                return state
        raise not_found(f"Unknown order {order_id}")

    def publish(self, document: dict[str, Any]) -> int:
        """Add tiles to the catalog, notify the monitors of new ones and return their number; raises ValueError."""
        tiles = self._shared.catalog.publish(document)
        for state in self.all:
            state.monitors.notify(tiles)
        return len(tiles)

    def close(self) -> None:
        """Drop queued deliveries, wait for running ones, and close the state file."""
        for state in self.all:
            state.close()
        self._shared.close()
