"""Idempotency keys: metadata tags that link an order to its task instance.

The API has no idempotency key. Each order is tagged with a digest of its task instance (`airflow_key`) and of its
request (`airflow_fingerprint`), and the list of orders is searched for the key before anything is bought.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_ard.ordering.order_key import (
    ESTIMATED_AREA,
    ESTIMATED_COST,
    SUBMITTED_AT,
    TAG_PREFIX,
    check_metadata,
)
from airflow_provider_ard.ordering.task_state import Attempt

if TYPE_CHECKING:
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import Usage
    from airflow_provider_ard.ordering.order_key import OrderKey
    from airflow_provider_ard.version_compat import Context

KEY_TAG = f"{TAG_PREFIX}key"
TASK_KEY_TAG = f"{TAG_PREFIX}task_key"
FINGERPRINT_TAG = f"{TAG_PREFIX}fingerprint"
MAP_INDEX_TAG = f"{TAG_PREFIX}map_index"
SERIES_TAG = f"{TAG_PREFIX}attempt_series"
CLEAR_NUMBER_TAG = f"{TAG_PREFIX}clear_number"
MAPPED_INSTANCES_TAG = f"{TAG_PREFIX}mapped_instances"
DAG_ID_TAG = f"{TAG_PREFIX}dag_id"
NAMESPACE_TAG = f"{TAG_PREFIX}namespace"


@dataclass(frozen=True)
class IdempotencyKey:
    """The task instance that an order belongs to; every try of it has the same key.

        IdempotencyKey(dag_id="imagery", task_id="order", run_id="manual__2026-01-01")

    `namespace`: of the Connection. Airflow deployments that share an ARD account each set their own, since their DAGs
    and runs may have the same IDs.
    """

    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1
    namespace: str = ""
    tag_prefix: ClassVar[str] = TAG_PREFIX

    @classmethod
    def from_context(cls, context: Context, namespace: str = "") -> IdempotencyKey:
        """Return the key of the running task instance."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        return cls(ti.dag_id, ti.task_id, ti.run_id, map_index, namespace)

    @property
    def is_mapped(self) -> bool:
        """Whether the task instance is one of several that a mapped task expands to."""
        return self.map_index >= 0

    @property
    def digest(self) -> str:
        """Digest of the task instance: 32 hexadecimal digits, which need no escaping in filters."""
        return digest_of([self.namespace, self.dag_id, self.task_id, self.run_id, self.map_index])

    @property
    def task_digest(self) -> str:
        """Digest shared by all task instances that a mapped task expands to in one DAG run."""
        return digest_of([self.namespace, self.dag_id, self.task_id, self.run_id])

    @property
    def scope_of_dag(self) -> dict[str, str | None]:
        """The tags of all orders of the same DAG, None for a tag that none of them has."""
        return {DAG_ID_TAG: self.dag_id, NAMESPACE_TAG: self.namespace or None}

    @property
    def owner(self) -> str:
        """What the key is of, for messages."""
        return "this task instance"

    @property
    def conflict_fix(self) -> str:
        """What to do if there is an order of another request, for messages."""
        return (
            "restore the arguments, pass existing_order_id='{order_id}' to use that order, or clear the task with "
            "if_exists='resubmit' to buy a second one; if two Airflow deployments share this ARD account, set the "
            "Connection's extra namespace"
        )

    @property
    def unknown_order_fix(self) -> str:
        """What to do if the recorded order does not exist, for messages."""
        return (
            "check the Connection, set if_exists='resubmit' and clear the task to place another order, or pass "
            "existing_order_id"
        )

    def tag(self, request: OrderRequest, attempt: Attempt | None = None) -> OrderRequest:
        """Return a copy of the request with the key's tags added to the user's metadata.

        Raises `ArdRequestError` if the user's metadata uses a reserved prefix.
        """
        from airflow_provider_ard.ordering.fingerprint import fingerprint

        check_metadata(request.metadata)
        attempt = attempt or Attempt()
        tags = {
            KEY_TAG: self.digest,
            TASK_KEY_TAG: self.task_digest,
            FINGERPRINT_TAG: fingerprint(request),
            DAG_ID_TAG: self.dag_id,
            f"{TAG_PREFIX}task_id": self.task_id,
            f"{TAG_PREFIX}run_id": self.run_id,
            MAP_INDEX_TAG: str(self.map_index),
            SERIES_TAG: str(attempt.series),
            CLEAR_NUMBER_TAG: str(attempt.clear_number),
        }
        if attempt.mapped_instances is not None:
            tags[MAPPED_INSTANCES_TAG] = str(attempt.mapped_instances)
        if self.namespace:
            tags[NAMESPACE_TAG] = self.namespace
        return request.model_copy(update={"metadata": request.metadata | tags})


def tag_submission(request: OrderRequest, key: OrderKey, submitted_at: float, estimate: Usage | None) -> OrderRequest:
    """Return a copy of a tagged request with the time of its submission (Unix time) and its estimate, if it has one.

    Budgets count the order by them if the API returns neither its time nor its usage.
    """
    tags = {SUBMITTED_AT: datetime.fromtimestamp(submitted_at, UTC).isoformat(timespec="seconds")}
    if estimate is not None:
        amounts = {ESTIMATED_COST: estimate.total_cost, ESTIMATED_AREA: estimate.area_sqkm}
        tags |= {tag: str(amount) for tag, amount in amounts.items() if amount is not None}
    prefixed = {f"{key.tag_prefix}{name}": value for name, value in tags.items()}
    return request.model_copy(update={"metadata": request.metadata | prefixed})


def digest_of(names: list[str | int]) -> str:
    """Return the digest of a key: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]
