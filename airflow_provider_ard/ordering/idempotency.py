"""Which task instance an order belongs to, and how the order carries that: tags in its `metadata`.

The API has no idempotency key. Each order is tagged with a digest of its task instance (`airflow_key`) and of its
request (`airflow_fingerprint`), and the list of orders is searched for the key before anything is bought.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.ordering.task_state import first_try_number

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_ard.api.orders.request import OrderRequest

TAG_PREFIX = "airflow_"
KEY_TAG = f"{TAG_PREFIX}key"
FINGERPRINT_TAG = f"{TAG_PREFIX}fingerprint"
FIRST_TRY_TAG = f"{TAG_PREFIX}first_try_number"


@dataclass(frozen=True)
class IdempotencyKey:
    """The task instance that an order belongs to; every try of it has the same key.

        IdempotencyKey(dag_id="imagery", task_id="order", run_id="manual__2026-01-01")

    `first_try_number` identifies the attempt series: automatic retries share it, a clear begins a new series. It is not
    part of the digest.
    """

    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1
    first_try_number: int = 1

    @classmethod
    def from_context(cls, context: Context) -> IdempotencyKey:
        """Return the key of the running task instance."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        return cls(ti.dag_id, ti.task_id, ti.run_id, map_index, first_try_number(context))

    @property
    def digest(self) -> str:
        """32 hexadecimal digits, safe in any filter."""
        names = json.dumps([self.dag_id, self.task_id, self.run_id, self.map_index])
        return hashlib.sha256(names.encode()).hexdigest()[:32]

    def tag(self, request: OrderRequest) -> OrderRequest:
        """Return a copy of the request with the key's tags beside the user's metadata.

        Raises `ArdRequestError` if the user's metadata uses the prefix `airflow_`.
        """
        reserved = sorted(name for name in request.metadata if name.startswith(TAG_PREFIX))
        if reserved:
            raise ArdRequestError(
                f"names that begin with {TAG_PREFIX!r} are reserved, got {reserved[0]!r}; rename it",
                argument="metadata",
            )
        tags: dict[str, Any] = {
            KEY_TAG: self.digest,
            FINGERPRINT_TAG: request.fingerprint(),
            f"{TAG_PREFIX}dag_id": self.dag_id,
            f"{TAG_PREFIX}task_id": self.task_id,
            f"{TAG_PREFIX}run_id": self.run_id,
            f"{TAG_PREFIX}map_index": self.map_index,
            FIRST_TRY_TAG: self.first_try_number,
        }
        return request.model_copy(update={"metadata": request.metadata | tags})
