"""`TerminalKey`: the idempotency key of an order that is placed at the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.ordering.fingerprint import fingerprint
from airflow_provider_ard.ordering.idempotency import DAG_ID_TAG, digest_of
from airflow_provider_ard.ordering.order_key import TERMINAL_TAG_PREFIX, check_metadata

if TYPE_CHECKING:
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.ordering.task_state import Attempt


@dataclass(frozen=True)
class TerminalKey:
    """The key that `ard orders place` prints; every call with it, and the same namespace, has the same order.

    TerminalKey.of(request, name="spring-2026")
    """

    name: str
    namespace: str = ""
    tag_prefix: str = TERMINAL_TAG_PREFIX
    is_mapped: bool = False

    @classmethod
    def of(cls, request: OrderRequest, name: str | None = None, namespace: str = "") -> TerminalKey:
        """Return the key of this name, by default that of the request: the same order is not placed twice."""
        return cls(name or fingerprint(request), namespace)

    @property
    def digest(self) -> str:
        """Digest of the key: 32 hexadecimal digits."""
        return digest_of([self.namespace, self.name])

    @property
    def task_digest(self) -> str:
        """The digest of the key itself."""
        return self.digest

    @property
    def scope_of_dag(self) -> dict[str, str | None]:
        """The orders without a DAG."""
        return {DAG_ID_TAG: None}

    @property
    def owner(self) -> str:
        """The key, for messages."""
        return f"key {self.name!r}"

    @property
    def conflict_fix(self) -> str:
        """What to do if there is an order of another request."""
        return "restore the arguments, or pass another --key to buy a second order"

    @property
    def unknown_order_fix(self) -> str:
        """What to do if the recorded order does not exist."""
        return "check the Connection, or pass another --key to place another order"

    def tag(self, request: OrderRequest, attempt: Attempt | None = None) -> OrderRequest:
        """Return a copy of the request with the key's tags added to the user's metadata.

        Raises `ArdRequestError` if the user's metadata uses a reserved prefix.
        """
        check_metadata(request.metadata)
        tags: dict[str, Any] = {
            f"{self.tag_prefix}key": self.digest,
            f"{self.tag_prefix}key_name": self.name,
            f"{self.tag_prefix}fingerprint": fingerprint(request),
        }
        if self.namespace:
            tags[f"{self.tag_prefix}namespace"] = self.namespace
        return request.model_copy(update={"metadata": request.metadata | tags})
