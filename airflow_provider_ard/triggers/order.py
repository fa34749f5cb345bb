"""`ArdOrderTrigger` waits for orders in the triggerer, without a worker slot."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from airflow_provider_ard.api.orders.status import OrderStatus

HEARTBEAT_S = 3600.0


class ArdOrderTrigger(BaseTrigger):
    """Wait until all orders have succeeded, or one cannot.

    Its one event is `{"outcome": "succeeded", "orders": [report, …], "started_at": seconds since 1970}`, in the order of
    `order_ids`, or `{"outcome": "failed", "error": class name, "message": …, "order_id": …}`. An outage of the
    API is no event.

    :param order_ids: The ids of the orders.
    :param ard_conn_id: The Connection of type `ard`.
    :param poke_interval: Seconds between two looks, at least 1.
    :param exponential_backoff: Double the interval after each look, up to `max_wait`.
    :param max_wait: The longest interval that `exponential_backoff` leads to, seconds.
    :param not_before: When the API may be asked first, in seconds since 1970; it had asked to be left alone.
    :param started_at: When the wait started_at, in seconds since 1970; another triggerer may take it over since.
    """

    def __init__(
        self,
        order_ids: list[str],
        ard_conn_id: str = "ard_default",
        poke_interval: float = 60.0,
        *,
        exponential_backoff: bool = False,
        max_wait: float | None = None,
        not_before: float | None = None,
        started_at: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # of Airflow
        self.order_ids = order_ids
        self.ard_conn_id = ard_conn_id
        self.poke_interval = poke_interval
        self.exponential_backoff = exponential_backoff
        self.max_wait = max_wait
        self.not_before = not_before
        self.started_at = started_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger as plain JSON; nothing of it is secret."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "order_ids": self.order_ids,
                "ard_conn_id": self.ard_conn_id,
                "poke_interval": self.poke_interval,
                "exponential_backoff": self.exponential_backoff,
                "max_wait": self.max_wait,
                "not_before": self.not_before,
                "started_at": self.started_at,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event once the wait is over."""
        from airflow_provider_ard.polling.order_poller import OrderPoller, PollSchedule

        # The worker's look found them running, and said so. A logger for each of ten thousand waits has its weight.
        progress = Progress(self.order_ids, self.started_at, running=True)
        if self.not_before is not None:
            await asyncio.sleep(max(0.0, self.not_before - time.time()))
        pace = PollSchedule(self.poke_interval, exponential=self.exponential_backoff, max_wait=self.max_wait)
        subscription = OrderPoller.subscribe(self.ard_conn_id, self.order_ids, pace)
        error = None
        try:
            while progress.pending and error is None:
                # Not into a name of this frame, which would keep an order's whole answer for as long as it waits.
                error = self._met(await subscription.news(), progress)
                # Settled orders need not be asked for again.
                subscription.pending = progress.pending
        finally:
            OrderPoller.leave(self.ard_conn_id, subscription)
        if error is not None:
            yield TriggerEvent(failure(error))
            return
        yield TriggerEvent({"outcome": "succeeded", "orders": progress.reports(), "started_at": progress.started_at})

    def _met(self, answers: list[OrderStatus | Exception], progress: Progress) -> ArdError | None:
        """Take in answers of the watch. Return the error that ends the wait, None if there is none."""
        for answer in answers:
            if isinstance(answer, ArdUnavailableError):
                self.log.warning("The orders go on, and so does the wait: %s", answer)
            elif isinstance(answer, ArdError):
                return answer
            elif isinstance(answer, Exception):
                raise answer
            elif error := progress.take(answer):
                return error
            else:
                for line in progress.lines(answer):
                    self.log.info(line)
        return None

    async def on_kill(self) -> None:
        """Say what the end of the wait leaves behind; called by Airflow 3.3 or newer."""
        self.log.info("This wait has ended. Orders cannot be cancelled: %s go on.", ", ".join(self.order_ids))


class Progress:
    """What is known of the orders that one task waits for.

    `running`: that they run, and that this has been told. `said`: what an earlier process has said of this wait.
    """

    # Ten thousand of them may wait in one process.
    __slots__ = ("_done", "_order_ids", "_spoke", "_started", "_status", "started_at")

    def __init__(
        self,
        order_ids: list[str],
        started_at: float | None = None,
        *,
        running: bool = False,
        said: Mapping[str, Any] | None = None,
    ) -> None:
        self.started_at = time.time() if started_at is None else started_at
        self._order_ids = order_ids
        self._done: dict[str, dict[str, Any]] = {}
        self._status: dict[str, str] = dict.fromkeys(order_ids, "RUNNING") if running else {}
        self._spoke = time.monotonic()
        self._started = self._spoke - max(0.0, time.time() - self.started_at)
        if said is not None:
            self._status = dict(said["statuses"])
            self._spoke -= max(0.0, time.time() - said["at"])

    @property
    def said(self) -> dict[str, Any]:
        """What has been said, and when last, as plain JSON: for a process that goes on with this wait."""
        return {"statuses": self._status, "at": time.time() - (time.monotonic() - self._spoke)}

    @property
    def pending(self) -> set[str]:
        """The orders that are not known to have succeeded."""
        return set(self._order_ids) - self._done.keys()

    def take(self, order: OrderStatus) -> ArdError | None:
        """Note an order's status. Return the error that it means, None if the order succeeded or runs."""
        from airflow_provider_ard.api.errors import ArdOrderFailed
        from airflow_provider_ard.api.orders.status import State

        if order.state is State.SUCCEEDED:
            self._done[order.id] = order.report()
        elif order.state is State.FAILED:
            return ArdOrderFailed(
                f"order {order.id} has failed: {order.status_message or order.status}", order_id=order.id
            )
        elif order.state is State.UNKNOWN:
            return ArdError(
                f"order {order.id} has a status that is documented nowhere: {order.status!r}. The order itself is not "
                "touched; look at it before you wait again",
                order_id=order.id,
            )
        return None

    def lines(self, order: OrderStatus) -> list[str]:
        """Return what is worth a line in the log: a change of an order, and a sign of life once an hour."""
        now = time.monotonic()
        lines = []
        if self._status.get(order.id) != order.status:
            self._status[order.id] = order.status
            lines.append(f"Order {order.id}: {order.status}.")
            self._spoke = now
        elif now - self._spoke >= HEARTBEAT_S:
            self._spoke = now
            lines.append(f"{self._waiting(order)}, after {format_duration(now - self._started)}.")
        return lines

    def _waiting(self, order: OrderStatus) -> str:
        if len(self._order_ids) == 1:
            return f"Order {order.id} is {order.status} still"
        return f"{len(self.pending)} of {len(self._order_ids)} orders are not done yet"

    def reports(self) -> list[dict[str, Any]]:
        """Return the reports of the orders, in the order in which they were asked for."""
        return [self._done[order_id] for order_id in self._order_ids]


def format_duration(seconds: float) -> str:
    """Return a time as people say it, in two units at most."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{max(0.0, seconds):.0f} s"


def summary(report: Mapping[str, Any]) -> str:
    """Return what an order came to, in a line."""
    from airflow_provider_ard.api.orders.status import Usage

    usage = f", {Usage.model_validate(report['usage'])}" if report.get("usage") else ""
    where = f"; root collection {report['collection_uri']}" if report.get("collection_uri") else ""
    return f"Order {report['order_id']}: {report['status']}{usage}{where}."


def failure(error: ArdError) -> dict[str, Any]:
    """Return the event for an error; its class name is found again by `airflow_provider_ard.exceptions.error_class`."""
    return {
        "outcome": "failed",
        "error": type(error).__name__,
        "message": str(error),
        "order_id": error.order_id,
    }
