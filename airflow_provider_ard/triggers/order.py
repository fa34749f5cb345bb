"""`ArdOrderTrigger` waits for orders in the triggerer, without a worker slot."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError
from airflow_provider_ard.polling.events import failed_event, succeeded_event
from airflow_provider_ard.polling.stored_arguments import ignore_unknown_arguments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.polling.order_poller import Subscription
    from airflow_provider_ard.polling.order_wait import OrderWait
    from airflow_provider_ard.polling.progress import WaitProgress
    from airflow_provider_ard.version_compat import BaseOperator, Context


# Airflow stores events in its metadata database and passes them through the triggerer's event loop.
MAX_REPORTS_IN_EVENT = 500


class ArdOrderTrigger(BaseTrigger):
    """Wait until all orders have succeeded or one has failed; outages of the API do not end the wait.

        self.defer(trigger=ArdOrderTrigger(order_ids=["4711"], poke_interval=60), method_name="execute_complete")

    Fires one event: `{"status": "succeeded", "orders": [report, …], "started_at": …}` with the reports in the order of
    `order_ids`, or `{"status": "failed", "error": class name, "message": …, "order_id": …}`. For more than 500 orders,
    "orders" is empty, as their reports would take megabytes; the resumed task reads them from the API.

    :param order_ids: The order IDs.
    :param ard_conn_id: The Connection of type `ard`.
    :param poke_interval: Seconds between polls, at least 1.
    :param exponential_backoff: Double the interval after each poll, up to `max_wait`.
    :param max_wait: The longest interval of `exponential_backoff`, in seconds.
    :param not_before: When to poll first, in seconds since the epoch, if the API sent a `Retry-After`.
    :param started_at: When the wait began, in seconds since the epoch; it may have begun in another triggerer.
    :param unknown: Arguments that another version of this package stored; ignored with a warning.
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
        **unknown: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # of Airflow
        ignore_unknown_arguments(type(self).__name__, unknown)
        self.order_ids = order_ids
        self.ard_conn_id = ard_conn_id
        self.poke_interval = poke_interval
        self.exponential_backoff = exponential_backoff
        self.max_wait = max_wait
        self.not_before = not_before
        self.started_at = started_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger as plain JSON without secrets."""
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
        """Yield the event that ends the wait."""
        # Ten thousand of these frames may wait at once, so they have few local variables.
        progress = self._start_progress()
        await asyncio.sleep(self._delay_s())
        subscription = self._subscribe()
        try:
            while progress.pending:
                # Not assigned to a local variable, which would keep a complete order for as long as the wait lasts.
                self._process(await subscription.next_updates(), progress)
                if len(self.order_ids) > 1:
                    # Ten thousand waits for one order each need no set besides the list of IDs.
                    subscription.pending = progress.pending
            event = succeeded_event(
                orders=progress.reports() if self._has_reports else [], started_at=progress.started_at
            )
        except ArdError as error:
            event = failed_event(error)
        finally:
            self._unsubscribe(subscription)
        yield TriggerEvent(event)

    @property
    def _has_reports(self) -> bool:
        """Whether the event contains the reports of the orders."""
        return len(self.order_ids) <= MAX_REPORTS_IN_EVENT

    def _delay_s(self) -> float:
        """Return the seconds until the first poll."""
        if self.not_before is None:
            return 0.0
        from airflow_provider_ard.polling.outage import MAX_RETRY_AFTER_S

        # Not longer, whatever the clock of the worker showed.
        return max(0.0, min(self.not_before - time.time(), MAX_RETRY_AFTER_S))

    def _start_progress(self) -> WaitProgress:
        from airflow_provider_ard.polling.progress import WaitProgress

        # The worker's poll has logged that they are running.
        return WaitProgress(self.order_ids, self.started_at, logged_status="RUNNING", with_reports=self._has_reports)

    def _subscribe(self) -> Subscription:
        from airflow_provider_ard.polling.order_poller import OrderPoller
        from airflow_provider_ard.polling.schedule import PollSchedule

        schedule = PollSchedule(self.poke_interval, self.exponential_backoff, self.max_wait)
        return OrderPoller.subscribe(self.ard_conn_id, self.order_ids, schedule)

    def _unsubscribe(self, subscription: Subscription) -> None:
        from airflow_provider_ard.polling.order_poller import OrderPoller

        OrderPoller.unsubscribe(self.ard_conn_id, subscription)

    def _process(self, updates: list[OrderStatus | Exception], progress: WaitProgress) -> None:
        """Record and log updates. Raises the error that ends the wait, if one of them does."""
        for update in updates:
            if isinstance(update, ArdUnavailableError):
                self.log.warning("Polling failed, will retry: %s", update)
            elif isinstance(update, Exception):
                raise update
            else:
                progress.update(update, self._log_progress)

    def _log_progress(self, line: str) -> None:
        # The property creates a logger, which ten thousand waits without a line do not need.
        self.log.info("%s", line)

    async def on_kill(self) -> None:
        """Log that the orders continue; called by Airflow 3.3 or newer."""
        self.log.info("Wait canceled. Orders cannot be canceled and continue: %s", ", ".join(self.order_ids))


def defer_wait(operator: BaseOperator, wait: OrderWait, context: Context, **schedule: Any) -> NoReturn:
    """Defer a task to an `ArdOrderTrigger`, which resumes it in `execute_complete`.

    Raises `AirflowSensorTimeout` if the wait has timed out. `schedule`: arguments of the trigger.
    """
    from airflow_provider_ard.ordering.task_state import task_state_store

    timeout = wait.remaining()
    if operator.retries and task_state_store(context) is None:
        operator.log.info("Airflow before 3.3 stores no start of the wait; a retry of this task restarts its timeout")
    operator.defer(
        trigger=ArdOrderTrigger(
            order_ids=wait.order_ids,
            ard_conn_id=wait.ard_conn_id,
            poke_interval=wait.poke_interval,
            not_before=wait.not_before,
            started_at=wait.started_at,
            **schedule,
        ),
        method_name="execute_complete",
        timeout=timeout,
    )
    raise AssertionError  # `defer` raises
