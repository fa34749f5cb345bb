"""A client and a submission store that crash at a selected point of a placement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.submission_store import SubmissionRecord


class Crash(BaseException):
    """Stands for SIGKILL of the worker."""


class CrashPoint:
    """Raises `Crash` at the nth point that a placement passes; never if `nth` is None."""

    def __init__(self, nth: int | None) -> None:
        self._remaining = nth

    def pass_point(self) -> None:
        if self._remaining is None:
            return
        self._remaining -= 1
        if self._remaining < 0:
            raise Crash


class CrashingClient:
    """The client, with points before and after the dry run and the purchase."""

    def __init__(self, client: ArdClient, point: CrashPoint) -> None:
        self._client = client
        self._point = point

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def dry_run(self, request: OrderRequest) -> Any:
        self._point.pass_point()
        usage = self._client.dry_run(request)
        self._point.pass_point()
        return usage

    def submit_order(self, request: OrderRequest) -> Any:
        self._point.pass_point()
        order = self._client.submit_order(request)
        self._point.pass_point()
        return order


class CrashingStore:
    """A record of a submission that survives a crash, with points before and after each save."""

    def __init__(self, instance: Instance, point: CrashPoint) -> None:
        self._instance = instance
        self._point = point

    def load(self) -> SubmissionRecord | None:
        return self._instance.record

    def save(self, record: SubmissionRecord) -> None:
        self._point.pass_point()
        self._instance.record = record
        self._point.pass_point()


@dataclass
class Instance:
    """A task instance. `request`: index of its acquisition. `started_series`: attempt series that were started."""

    key: IdempotencyKey
    request: int
    if_exists: str
    has_store: bool
    has_limits: bool = False
    record: SubmissionRecord | None = None
    series: int = 0
    tries: int = 0
    started_series: set[int] = field(default_factory=set)

    def clear(self) -> None:
        """Start another attempt series, as Airflow does: its `max_tries` is the number of tries, plus `retries`."""
        self.series = self.tries
