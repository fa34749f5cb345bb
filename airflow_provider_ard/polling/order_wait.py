"""`OrderWait`: the wait of a task for its orders, on a worker. `ArdOrderTrigger` continues it in the triggerer."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import none_if_blank
from airflow_provider_ard.api.errors import ArdUnavailableError
from airflow_provider_ard.api.refusal import is_login_refusal
from airflow_provider_ard.exceptions import airflow_exceptions
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.links.order import push_links
from airflow_provider_ard.polling.events import check_event
from airflow_provider_ard.polling.order_updates import order_updates
from airflow_provider_ard.polling.outage import OutageTracker
from airflow_provider_ard.polling.progress import WaitProgress, log_results
from airflow_provider_ard.polling.wait_state import load_log_state, save_log_state, wait_started_at
from airflow_provider_ard.version_compat import AirflowSensorTimeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_ard.api.orders.status_reader import StatusReader
    from airflow_provider_ard.version_compat import Context

# The longest time between the polls of a rescheduled task that keeps its worker while it is refused.
MAX_REFUSAL_INTERVAL_S = 60.0

log = logging.getLogger(__name__)


class OrderWait:
    """The wait of a task for its orders, of which each poll is one call.

        wait = OrderWait(["4711"], "ard_default", timeout=3600)
        while not wait.is_done:
            wait.poll(context)
            time.sleep(60)
        reports = wait.reports

    :param order_ids: The order IDs.
    :param ard_conn_id: The Connection of type `ard`.
    :param timeout: Seconds after which the wait ends, counted from its first try.
    :param poke_interval: Seconds between polls.
    :param is_rescheduled: Whether each poll runs in its own process.
    :param has_links: Whether the task has pushed its links, of which those that change are pushed at the end.
    """

    def __init__(
        self,
        order_ids: list[str],
        ard_conn_id: str,
        *,
        timeout: float,
        poke_interval: float = 60.0,
        is_rescheduled: bool = False,
        has_links: bool = False,
    ) -> None:
        self.order_ids = order_ids
        self.ard_conn_id = ard_conn_id
        self.timeout = timeout
        self.poke_interval = poke_interval
        self.is_rescheduled = is_rescheduled
        # Seconds since the epoch until which the API asked for no requests.
        self.not_before: float | None = None
        # One attempt: the next poll is the retry, and frees the worker slot in between. Created before any link is
        # pushed, as it checks the ID that is part of the link.
        self._hook = ArdHook(ard_conn_id, max_attempts=1)
        self._has_links = has_links
        self._keeps_links = has_links
        self._is_resumed = False
        self._progress: WaitProgress | None = None
        self._reports: list[dict[str, Any]] | None = None
        # What concerns single orders is up to the reader.
        self._outages = OutageTracker(_log_outage, is_tolerated=is_login_refusal)

    @cached_property
    def _reader(self) -> StatusReader:
        from airflow_provider_ard.api.orders.status_reader import StatusReader

        return StatusReader(self._hook.get_conn(), full_details=self._is_resumed, polls_once=self.is_rescheduled)

    @property
    def is_done(self) -> bool:
        """Whether all orders have succeeded."""
        return self._reports is not None

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The reports of the orders, in the order of `order_ids`; empty until the wait is done."""
        return self._reports or []

    @property
    def started_at(self) -> float:
        """When the wait began, in seconds since the epoch; now before the first poll."""
        return time.time() if self._progress is None else self._progress.started_at

    def poll(self, context: Context) -> None:
        """Poll the orders that have not succeeded yet. An outage is not an error: the next call polls again.

        A rescheduled task keeps its worker while the API refuses a request, as the next process would not know for how
        long. Raises the error that ends the wait, such as `ArdOrderFailed`; the caller checks `remaining`.
        """
        if self.not_before is not None and time.time() < self.not_before:
            return
        self.not_before = None
        progress = self._progress = self._progress or self._load_progress(context)
        if not self._has_links:
            # Before the first poll: the link is most useful if that fails.
            push_links(context["ti"], self.ard_conn_id, [{"order_id": order_id} for order_id in self.order_ids])
            self._has_links = True
        log_state = self._log_state(progress)
        try:
            self._poll(progress)
            while self.is_rescheduled and self._is_refused:
                delay = min(self._outages.delay(self.poke_interval), MAX_REFUSAL_INTERVAL_S)
                time.sleep(min(delay, self.remaining().total_seconds()))
                self._poll(progress)
        finally:
            if self.is_rescheduled and self._log_state(progress) != log_state:
                save_log_state(context, self._log_state(progress))
        if delay := self._outages.delay(0.0):
            self.not_before = time.time() + delay
        if not progress.pending:
            self._finish(context, progress.reports(), progress.started_at)

    def resume(self, context: Context, event: Any) -> None:
        """Continue after the event of the trigger. Raises the error that it reports.

        Reports that the event does not contain are read by the next poll: the wait is not done until then.
        """
        event = check_event(event, orders=list)
        if len(event["orders"]) == len(self.order_ids):
            self._finish(context, event["orders"], event.get("started_at"))
            return
        self._is_resumed = True
        self._progress = WaitProgress(self.order_ids, event.get("started_at"), logged_status="SUCCEEDED")

    def remaining(self) -> timedelta:
        """Return the time until the wait ends. Raises `AirflowSensorTimeout` if it has ended."""
        remaining = timedelta(seconds=self.started_at + self.timeout - time.time())
        if remaining <= timedelta():
            raise AirflowSensorTimeout(
                f"Timed out: {self.timeout:g} s have passed since the first try. The order itself continues."
            )
        return remaining

    @property
    def retry_after(self) -> float:
        """Seconds for which the API asked for no requests (`Retry-After`), at most until the wait ends."""
        if self.not_before is None:
            return 0.0
        return max(0.0, min(self.not_before, self.started_at + self.timeout) - time.time())

    def publish_to_assets(self, outlets: Sequence[Any], storage_conn_id: str | None, context: Context) -> None:
        """Describe the orders in the events of the task's assets, if it has any."""
        if not outlets:
            return
        from airflow_provider_ard.assets.delivery import publish_to_outlets
        from airflow_provider_ard.assets.tile_count import delivery_events

        events = delivery_events(self._hook, self.reports, none_if_blank(storage_conn_id))
        publish_to_outlets(outlets, events, context)

    def _load_progress(self, context: Context) -> WaitProgress:
        """Return the progress of the wait, continued from the previous process if rescheduled."""
        log_state = load_log_state(context) if self.is_rescheduled else None
        self._outages.in_outage = log_state is not None and log_state["in_outage"]
        return WaitProgress(self.order_ids, wait_started_at(context).timestamp(), log_state=log_state)

    def _poll(self, progress: WaitProgress) -> None:
        with self._outages.tolerate(), airflow_exceptions(self.ard_conn_id):
            for update in order_updates(self._reader, progress.pending):
                if isinstance(update, ArdUnavailableError):
                    _log_outage(update)
                else:
                    progress.update(update, _log_progress)

    @property
    def _is_refused(self) -> bool:
        """Whether the last poll was refused, for all orders or for one, so that polling continues for a while."""
        return self._outages.is_refused or (bool(self._reader.refusals) and not self._outages.in_outage)

    def _log_state(self, progress: WaitProgress) -> dict[str, Any]:
        return progress.log_state | {"in_outage": self._outages.in_outage}

    def _finish(self, context: Context, reports: list[dict[str, Any]], started_at: float | None) -> None:
        """End the wait: log the results and the duration, and push the links; neither may fail the task."""
        self._reports = reports
        try:
            log_results(reports, started_at, _log_progress)
        except Exception as error:  # noqa: BLE001 -- the orders have succeeded
            log.warning("Logging the results failed: %s", error)
        push_links(context["ti"], self.ard_conn_id, reports, with_unknown=not self._keeps_links)


def _log_progress(line: str) -> None:
    log.info("%s", line)


def _log_outage(outage: ArdUnavailableError) -> None:
    log.warning("Polling failed, will retry: %s", outage)
