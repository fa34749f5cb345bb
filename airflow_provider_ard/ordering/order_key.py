"""`OrderKey`: what the search for existing orders needs to know of an idempotency key, and the tags of all keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_ard.api.errors import ArdRequestError

if TYPE_CHECKING:
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.ordering.task_state import Attempt

# Of the orders of Airflow tasks, and of those placed by `ard orders place`.
TAG_PREFIX = "airflow_"
TERMINAL_TAG_PREFIX = "ard_cli_"
RESERVED_PREFIXES = (TAG_PREFIX, TERMINAL_TAG_PREFIX)
# Tags of every order, after the prefix of its key.
SUBMITTED_AT, ESTIMATED_COST, ESTIMATED_AREA = "submitted_at", "estimated_cost", "estimated_area_sqkm"


class OrderKey(Protocol):
    """An idempotency key: of a task instance (`IdempotencyKey`) or of a command (`TerminalKey`)."""

    @property
    def tag_prefix(self) -> str:
        """What the names of its tags begin with."""

    @property
    def digest(self) -> str:
        """The value of its tag `key`: 32 hexadecimal digits, which need no escaping in filters."""

    @property
    def task_digest(self) -> str:
        """Digest shared by all task instances that a mapped task expands to in one DAG run."""

    @property
    def is_mapped(self) -> bool:
        """Whether the key is of a task instance that a mapped task expands to."""

    @property
    def scope_of_dag(self) -> dict[str, str | None]:
        """The tags of all orders of the same DAG, None for a tag that none of them has."""

    @property
    def owner(self) -> str:
        """What the key is of, for messages."""

    @property
    def conflict_fix(self) -> str:
        """What to do if there is an order of another request, for messages; `{order_id}` is its ID."""

    @property
    def unknown_order_fix(self) -> str:
        """What to do if the recorded order does not exist, for messages."""

    def tag(self, request: OrderRequest, attempt: Attempt | None = None) -> OrderRequest:
        """Return a copy of the request with the key's tags added to the user's metadata."""


def check_metadata(metadata: dict[str, Any]) -> None:
    """Raise `ArdRequestError` if the user's metadata uses a reserved prefix."""
    for name in sorted(metadata):
        for prefix in RESERVED_PREFIXES:
            if name.startswith(prefix):
                raise ArdRequestError(
                    f"names that begin with {prefix!r} are reserved, got {name!r}; rename it", argument="metadata"
                )
