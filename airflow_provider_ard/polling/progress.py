"""`WaitProgress`: progress of a wait for orders, and its log lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider_ard.api.errors import ArdError
    from airflow_provider_ard.api.orders.status import OrderStatus

# An unchanged status is logged again after this time.
HEARTBEAT_S = 3600.0


class WaitProgress:
    """Progress of one wait for one or more orders; used by sensor, trigger and CLI.

        progress = WaitProgress(["4711"])
        while progress.pending:
            for order in poll(progress.pending):
                progress.update(order, log.info)
        reports = progress.reports()

    :param order_ids: The order IDs to wait for.
    :param started_at: When the wait began, in seconds since the epoch; now by default.
    :param logged_status: The status of all orders that has been logged.
    :param log_state: `log_state` of an earlier process that made the same wait.
    :param with_reports: Whether `reports` is called; those of ten thousand orders take 20 MB.
    """

    # Ten thousand of them may wait in one process.
    __slots__ = (
        "_logged_at",
        "_logged_status",
        "_order_ids",
        "_reports",
        "_statuses",
        "_with_reports",
        "started_at",
    )

    def __init__(
        self,
        order_ids: list[str],
        started_at: float | None = None,
        *,
        logged_status: str | None = None,
        log_state: Mapping[str, Any] | None = None,
        with_reports: bool = True,
    ) -> None:
        self.started_at = time.time() if started_at is None else started_at
        self._order_ids = order_ids
        self._reports: dict[str, dict[str, Any]] = {}
        self._with_reports = with_reports
        self._logged_status = logged_status
        # The last logged status of each order, if not `logged_status`.
        self._statuses: dict[str, str] = {}
        self._logged_at = time.time()
        if log_state is not None:
            self._statuses = dict(log_state["statuses"])
            self._logged_at = log_state["logged_at"]

    @property
    def log_state(self) -> dict[str, Any]:
        """The last logged status of each order and the time of the last log line, as plain JSON."""
        initial = dict.fromkeys(self._order_ids, self._logged_status) if self._logged_status else {}
        return {"statuses": initial | self._statuses, "logged_at": self._logged_at}

    @property
    def pending(self) -> set[str]:
        """IDs of the orders that have not succeeded yet."""
        return set(self._order_ids) - self._reports.keys()

    def update(self, order: OrderStatus, log: Callable[[str], object]) -> None:
        """Record a status; log a change of it, and an unchanged one once an hour.

        Raises `ArdOrderFailed` if the order has failed, `ArdError` if its status is undocumented.
        """
        from airflow_provider_ard.api.orders.status import State

        self._log(order, log)
        if error := error_of_status(order):
            raise error
        if order.state is State.SUCCEEDED:
            self._reports[order.id] = order.report() if self._with_reports else {}

    def reports(self) -> list[dict[str, Any]]:
        """Return the reports of the orders, in the order of `order_ids`. Raises KeyError while one is pending."""
        return [self._reports[order_id] for order_id in self._order_ids]

    def _log(self, order: OrderStatus, log: Callable[[str], object]) -> None:
        now = time.time()
        waited = format_duration(now - self.started_at)
        previous = self._statuses.get(order.id, self._logged_status)
        if previous == order.status:
            if now - self._logged_at < HEARTBEAT_S:
                return
            if len(self._order_ids) == 1:
                log(f"Order {order.id}: still {order.status} after {waited}")
            else:
                log(f"{len(self.pending)} of {len(self._order_ids)} orders pending after {waited}")
        else:
            change = order.status if previous is None else f"{previous} -> {order.status} after {waited}"
            log(f"Order {order.id}: {change}")
            self._statuses[order.id] = order.status
        self._logged_at = now


def error_of_status(order: OrderStatus) -> ArdError | None:
    """Return the error that ends a wait for an order of this status, None if the order is running or has succeeded."""
    from airflow_provider_ard.api.errors import ArdError, ArdOrderFailed
    from airflow_provider_ard.api.orders.status import State

    if order.state is State.FAILED:
        return ArdOrderFailed(f"order {order.id} failed: {order.status_message or order.status}", order_id=order.id)
    if order.state is State.UNKNOWN:
        return ArdError(
            f"order {order.id}: undocumented status {order.status!r}; check the order before waiting for it again",
            order_id=order.id,
        )
    return None


def format_duration(seconds: float) -> str:
    """Return a duration in its two largest units, for example `2 d 3 h`."""
    seconds = max(0.0, seconds)
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"


def log_results(reports: Iterable[Mapping[str, Any]], started_at: float | None, log: Callable[[str], object]) -> None:
    """Log the orders of a finished wait and, if its start is known, its duration."""
    for report in reports:
        log(format_report(report))
    if started_at is not None:
        log(f"Wait finished after {format_duration(time.time() - started_at)}")


def format_report(report: Mapping[str, Any]) -> str:
    """Return an order's report in one line: status, area, cost and root collection."""
    from airflow_provider_ard.api.orders.status import Usage

    usage = f", {Usage.model_validate(report['usage'])}" if report.get("usage") else ""
    collection = f"; root collection {report['collection_uri']}" if report.get("collection_uri") else ""
    return f"Order {report['order_id']}: {report['status']}{usage}{collection}"
