"""`ArdOrderSensor` waits for orders to be delivered."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import none_if_blank
from airflow_provider_ard.api.orders.order_ids import is_single_order, parse_order_ids
from airflow_provider_ard.exceptions import (
    ArdError,
    ArdUnavailableError,
    airflow_exceptions,
    raises_airflow_exceptions,
)
from airflow_provider_ard.hooks.secret_arguments import SecretArgumentsMixin
from airflow_provider_ard.links.order import ARD_LINKS, push_links
from airflow_provider_ard.polling.events import check_event
from airflow_provider_ard.polling.progress import WaitProgress, log_results
from airflow_provider_ard.polling.wait_state import load_log_state, save_log_state, wait_started_at
from airflow_provider_ard.version_compat import (
    AirflowException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_ard.api.orders.status_reader import StatusReader
    from airflow_provider_ard.hooks.ard import ArdHook
    from airflow_provider_ard.polling.outage import OutageTracker
    from airflow_provider_ard.version_compat import Context

DEFAULT_TIMEOUT = timedelta(days=4)
# The longest time between the polls of a rescheduled sensor that keeps its worker while it is refused.
MAX_REFUSAL_INTERVAL_S = 60.0


class ArdOrderSensor(SecretArgumentsMixin, BaseSensorOperator):
    """Wait until one or more orders have succeeded; an order takes up to three days.

        order = ArdOrderOperator(task_id="order", acquisitions="10300100B2B49700", destination="s3://bucket/prefix")
        delivered = ArdOrderSensor(task_id="wait", order_id=order.output)

    Deferred (the default), the wait uses no worker slot, and all waits of a triggerer share one session. Outages of the
    API do not end the wait; `timeout` does. A failed order fails the task immediately, without retries.

    XCom: `{"order_id", "status", "status_message", "usage", "output_uri", "collection_uri"}`, or a list of these for a
    list of orders. With `outlets`, the asset event describes the orders, see `airflow_provider_ard.assets`.

    :param order_id: An order ID, or a list of IDs to wait for together.
    :param deferrable: Wait in the triggerer (default); otherwise on a worker, according to `mode`.
    :param poke_interval: Seconds between polls, at least 1.
    :param exponential_backoff: Double the interval after each poll, up to `max_wait` (an hour by default).
    :param timeout: Seconds (or a timedelta) after which the wait fails, counted from its first try; 4 days by default.
        The order itself continues. A retry restarts the timeout with `mode="poke"`, and before Airflow 3.3 if deferred.
    :param storage_conn_id: The Connection that reads the storage, to count the tiles for the events of `outlets`.
        Without it the number of tiles is known only for orders of cells without an AOI.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdOrderFailed: with the API's message if an order has failed; other errors
        are of the same module.
    """

    template_fields: Sequence[str] = ("order_id", "storage_conn_id", "ard_conn_id")
    operator_extra_links = ARD_LINKS
    ui_color = "#fff2cc"

    def __init__(
        self,
        *,
        order_id: Any,
        deferrable: bool = True,
        poke_interval: timedelta | float = 60,
        timeout: timedelta | float = DEFAULT_TIMEOUT,
        storage_conn_id: str | None = None,
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.order_id = order_id
        self.deferrable = deferrable
        self.storage_conn_id = storage_conn_id
        self.ard_conn_id = ard_conn_id
        # Seconds since the epoch until which the API asked for no requests.
        self._not_before: float | None = None
        self._are_first_links_pushed = False
        self._progress: WaitProgress | None = None
        self._is_resumed = False

    @cached_property
    def _outages(self) -> OutageTracker:
        from airflow_provider_ard.api.refusal import is_login_refusal
        from airflow_provider_ard.polling.outage import OutageTracker

        # What concerns single orders is up to the reader.
        return OutageTracker(self._log_outage, is_tolerated=is_login_refusal)

    @cached_property
    def _hook(self) -> ArdHook:
        from airflow_provider_ard.hooks.ard import ArdHook

        # The next poll is the retry, and frees the worker slot in between.
        return ArdHook(self.ard_conn_id, max_attempts=1)

    @cached_property
    def _reader(self) -> StatusReader:
        from airflow_provider_ard.api.orders.status_reader import StatusReader

        return StatusReader(self._hook.get_conn(), full_details=self._is_resumed, polls_once=self._is_rescheduled)

    @property
    def _is_rescheduled(self) -> bool:
        """Whether each poke runs in its own process."""
        return self.mode == "reschedule" and not self.deferrable

    def _load_progress(self, context: Context) -> WaitProgress:
        """Return the progress of the wait, continued from the previous process if rescheduled."""
        if self._progress is None:
            log_state = load_log_state(context) if self._is_rescheduled else None
            self._outages.in_outage = log_state is not None and log_state["in_outage"]
            started_at = wait_started_at(context).timestamp()
            self._progress = WaitProgress(self._order_ids(), started_at, log_state=log_state)
        return self._progress

    @raises_airflow_exceptions
    def execute(self, context: Context) -> Any:
        """Poll once on the worker, then continue in the triggerer unless all orders have succeeded."""
        with self._skip_on_failure():
            if self.deferrable:
                return self._execute_deferrable(context)
            return super().execute(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Continue after a deferral; Airflow calls it."""
        with self._skip_on_failure():
            return super().resume_execution(next_method, next_kwargs, context)

    @contextmanager
    def _skip_on_failure(self) -> Iterator[None]:
        """Skip the task for what would fail it, if `soft_fail` or `never_fail` is set, in all modes and versions."""
        try:
            yield
        except (AirflowSkipException, AirflowRescheduleException):
            raise
        except Exception as error:
            if not self.never_fail and not (self.soft_fail and isinstance(error, AirflowException | ArdError)):
                raise
            reason = "soft_fail" if self.soft_fail else "never_fail"
            raise AirflowSkipException(f"Skipped because of {reason}: {error}") from error

    def _execute_deferrable(self, context: Context) -> Any:
        from airflow_provider_ard.ordering.task_state import task_state_store
        from airflow_provider_ard.triggers.order import ArdOrderTrigger

        poke = self.poke(context)
        if poke.is_done:
            return poke.xcom_value
        started_at = self._load_progress(context).started_at
        remaining = timedelta(seconds=started_at + self.timeout - time.time())
        if remaining <= timedelta():
            raise AirflowSensorTimeout(
                f"Timed out: {self.timeout:g} s have passed since the first try. The order itself continues."
            )
        if self.retries and task_state_store(context) is None:
            self.log.info("Airflow before 3.3 stores no start of the wait; a retry of this task restarts its timeout")
        self.defer(
            trigger=ArdOrderTrigger(
                order_ids=self._order_ids(),
                ard_conn_id=self.ard_conn_id,
                poke_interval=self.poke_interval,
                exponential_backoff=self.exponential_backoff,
                max_wait=self.max_wait.total_seconds() if self.max_wait else None,
                not_before=self._not_before,
                started_at=started_at,
            ),
            method_name="execute_complete",
            timeout=remaining,
        )
        return None

    @raises_airflow_exceptions
    def poke(self, context: Context) -> PokeReturnValue:
        """Poll the orders that have not succeeded yet. An outage is not an error: the next poke polls again.

        A rescheduled sensor keeps its worker while the API refuses a request, as the next process would not know for
        how long.
        """
        if self._not_before is not None and time.time() < self._not_before:
            return PokeReturnValue(is_done=False)
        self._not_before = None
        progress = self._load_progress(context)
        if not self._are_first_links_pushed:
            # Before the first poll: the link is most useful if that fails.
            push_links(context["ti"], self.ard_conn_id, [{"order_id": order_id} for order_id in self._order_ids()])
            self._are_first_links_pushed = True
        log_state = self._log_state(progress)
        try:
            self._poll(progress)
            while self._is_rescheduled and self._is_refused:
                time.sleep(min(self._outages.delay(self.poke_interval), MAX_REFUSAL_INTERVAL_S))
                self._poll(progress)
        finally:
            if self._is_rescheduled and self._log_state(progress) != log_state:
                save_log_state(context, self._log_state(progress))
        self._pause(self._outages.delay(0.0))
        if progress.pending:
            return PokeReturnValue(is_done=False)
        self._finish(context, progress.reports(), progress.started_at)
        return PokeReturnValue(is_done=True, xcom_value=self._result(progress.reports(), context))

    def _poll(self, progress: WaitProgress) -> None:
        from airflow_provider_ard.polling.order_updates import order_updates

        with self._outages.tolerate(), airflow_exceptions(self.ard_conn_id):
            for update in order_updates(self._reader, progress.pending):
                if isinstance(update, ArdUnavailableError):
                    self._log_outage(update)
                else:
                    progress.update(update, self._log_progress)

    @property
    def _is_refused(self) -> bool:
        """Whether the last poll was refused, for all orders or for one, so that polling continues for a while."""
        return self._outages.is_refused or (bool(self._reader.refusals) and not self._outages.in_outage)

    def _log_state(self, progress: WaitProgress) -> dict[str, Any]:
        return progress.log_state | {"in_outage": self._outages.in_outage}

    def _log_progress(self, line: str) -> None:
        self.log.info("%s", line)

    def _log_outage(self, outage: ArdUnavailableError) -> None:
        self.log.warning("Polling failed, will retry: %s", outage)

    def _pause(self, seconds: float) -> None:
        """Skip the pokes of the next seconds, after a `Retry-After` or a refused login."""
        if not seconds:
            return
        self._not_before = time.time() + seconds
        if self._is_rescheduled and seconds > self.poke_interval:
            # The next poke is another process, which does not know of it.
            raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=seconds))

    def on_kill(self) -> None:
        """Log that the orders continue."""
        self.log.warning("Task killed. Orders cannot be canceled and continue; clear the task to wait again")

    @raises_airflow_exceptions
    def execute_complete(self, context: Context, event: Any) -> Any:
        """Return the trigger's result, or raise the error that it reported.

        Reports that the event does not contain are read like a first poll: an outage defers the task again.
        """
        event = check_event(event, orders=list)
        reports, order_ids = event["orders"], self._order_ids()
        if len(reports) < len(order_ids):
            self._is_resumed = True
            self._progress = WaitProgress(order_ids, event.get("started_at"), logged_status="SUCCEEDED")
            return self._execute_deferrable(context)
        self._finish(context, reports, event.get("started_at"))
        return self._result(reports, context)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the acquisitions as inputs and their delivery locations as outputs for OpenLineage."""
        from airflow_provider_ard.lineage.openlineage import lineage_of_order

        return lineage_of_order(self.ard_conn_id, self._order_ids())

    def _finish(self, context: Context, reports: list[dict[str, Any]], started_at: float | None) -> None:
        """Log the results and the duration, and push the links; none of this may fail the task."""
        try:
            log_results(reports, started_at, self._log_progress)
        except Exception as error:  # noqa: BLE001 -- the orders have succeeded
            self.log.warning("Logging the results failed: %s", error)
        push_links(context["ti"], self.ard_conn_id, reports)

    def _result(self, reports: list[dict[str, Any]], context: Context) -> Any:
        if self.outlets:
            from airflow_provider_ard.assets.delivery import publish_to_outlets
            from airflow_provider_ard.assets.tile_count import delivery_events

            events = delivery_events(self._hook, reports, none_if_blank(self.storage_conn_id))
            publish_to_outlets(self.outlets, events, context)
        return reports[0] if is_single_order(self.order_id) else reports

    def _order_ids(self) -> list[str]:
        with airflow_exceptions(self.ard_conn_id):
            return parse_order_ids(self.order_id)
