"""The orders that the server knows, and when they finish.

Order 0 is the oldest order that is waited for. Negative numbers are older, finished orders: the history of the account.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

HISTORY = 2_000
# Two, as a single order would not be read from the list.
WARM_UP = (-1, -2)
_FIRST_ID = 3_837_513_680_025_560_000
# Even numbers finish one by one in this order, odd ones all at once.
_GOLDEN = 0.6180339887


def id_of(number: int) -> str:
    """Return an order's ID, which is also the run or connector ID of the peers."""
    return str(_FIRST_ID + number)


def number_of(order_id: str) -> int:
    """Return the number of an order."""
    return int(order_id) - _FIRST_ID


def finished_at(number: int, begin: float, over: float) -> float:
    """Return when an order is done, on the monotonic clock.

    Half of them finish one after the other in `over` seconds from `begin`, the others together at the end of these.
    """
    if number < 0:
        return 0.0
    return begin + over * (1.0 if number % 2 else number * _GOLDEN % 1.0)


class Orders:
    """`count` orders, placed a second apart over the last hours, all running until `finish` is called."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._begin, self._over = float("inf"), 0.0
        # Whole seconds, as dates in requests have no fraction.
        self._first = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
        self.rows = {number: self._row(number) for number in range(-HISTORY, count)}

    def finish(self, over: float) -> float:
        """Let all orders finish, half of them in the course of `over` seconds. Return when that begins."""
        self._begin, self._over = time.monotonic() + 0.1, over
        return self._begin

    def is_done(self, number: int) -> bool:
        """Whether an order is done by now."""
        return finished_at(number, self._begin, self._over) <= time.monotonic()

    def row(self, number: int) -> bytes:
        """Return an order as the ARD API does."""
        return self.rows[number][self.is_done(number)]

    def since(self, start_date: str | None) -> int:
        """Return the number of the oldest order placed at or after a date."""
        if not start_date:
            return -HISTORY
        start = datetime.fromisoformat(start_date)
        start = start if start.tzinfo else start.replace(tzinfo=UTC)
        if start <= self._created(-1):
            return -HISTORY + sum(self._created(number) < start for number in range(-HISTORY, 0))
        return max(0, -(-(start - self._first) // timedelta(seconds=1)))

    def _created(self, number: int) -> datetime:
        age = timedelta(days=30, seconds=-number) if number < 0 else timedelta(seconds=-number)
        return self._first - age

    def _row(self, number: int) -> tuple[bytes, bytes]:
        row = _ROW.replace("@id", id_of(number)).replace("@created", self._created(number).isoformat())
        return row.replace("@status", "RUNNING").encode(), row.replace("@status", "SUCCEEDED").encode()


# As the sandbox returns it.
_ROW = (
    '{"id":"@id","status":"@status","created":"@created","order":{"acquisitions":[{"id":"1040010060C9AD00",'
    '"cells":["Z13-031131111333"]}],"output_config":{"amazon_s3":{"bucket":"imagery","prefix":"orders/@id"}},"metadata":'
    '{"airflow_dag_id":"imagery","airflow_task_id":"order","airflow_run_id":"scheduled__2026-01-01T00:00:00+00:00",'
    '"airflow_map_index":"-1"},"usage":{"area":{"fresh_imagery_sqkm":0.0,"standard_imagery_sqkm":0.0,'
    '"training_imagery_sqkm":25.02,"total_imagery_sqkm":25.02,"estimate":true},"cost":{"fresh_imagery_cost":0.0,'
    '"standard_imagery_cost":0.0,"training_imagery_cost":50.04,"total_imagery_cost":50.04,"estimate":true},"limits":'
    '{"fresh_imagery_fee_limit":-1,"standard_imagery_fee_limit":-1,"training_imagery_fee_limit":-1,'
    '"annual_subscription_fee_limit":-1},"available":{"fresh_imagery_balance":-1,"standard_imagery_balance":-1,'
    '"training_imagery_balance":-1,"total_imagery_balance":-1}}}}'
)
