"""`ArdOrderSensor` waits for orders, for days and through outages."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_ard.api.arguments import none_if_blank
from airflow_provider_ard.api.orders.order_ids import is_one_order, read_order_ids
from airflow_provider_ard.exceptions import (
    ArdError,
    ArdUnavailableError,
    airflow_exceptions,
    error_class,
    raises_airflow_exceptions,
)
from airflow_provider_ard.links.order import ARD_LINKS, push_links
from airflow_provider_ard.ordering.task_state import task_state_store
from airflow_provider_ard.polling.wait_state import load_logged, save_logged, wait_started_at
from airflow_provider_ard.triggers.order import ArdOrderTrigger, Progress, format_duration, summary

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.api.orders.status_reader import StatusReader
    from airflow_provider_ard.hooks.ard import ArdHook

DEFAULT_TIMEOUT = timedelta(days=4)


class ArdOrderSensor(BaseSensorOperator):
    """Wait until an order has succeeded; orders take up to three days.

    Deferred, the wait holds no worker slot, and all waits of a triggerer share one session. An outage of the API does
    not end it, only `timeout` does; a failed order does at once, without retries.

    XCom: `{"order_id", "status", "status_message", "usage", "output_uri", "collection_uri"}`, for a list of orders a
    list. With `outlets`, the asset's event tells of the orders, see `airflow_provider_ard.assets`.

    :param order_id: The id of one order, or a list of them: one wait for all.
    :param deferrable: Wait in the triggerer (default); otherwise on a worker, as `mode` says.
    :param poke_interval: Seconds between two looks, at least 1.
    :param exponential_backoff: Double the interval after each look, up to `max_wait` (an hour if that is not given).
    :param timeout: Seconds (or a timedelta) after which the wait fails, counted from its first try; 4 days by
        default. The order goes on. (A retry counts anew before Airflow 3.3 if deferred, and with `mode="poke"`.)
    :param storage_conn_id: The Connection that reads the storage, to count the tiles for the events of `outlets`.
        Without it their number is told only where the request tells it: for cells, and no AOI.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdOrderFailed: with the API's own message if an order has failed;
        and the other errors of that module.
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
        # Seconds since 1970 until which the API has asked to be left alone.
        self._not_before: float | None = None
        self._is_out = False
        self._is_linked = False
        self._has_spoken = False
        self._progress: Progress | None = None

    @cached_property
    def _hook(self) -> ArdHook:
        from airflow_provider_ard.hooks.ard import ArdHook

        # One attempt a look: the next look is the retry, and a worker slot is not held for it.
        return ArdHook(self.ard_conn_id, max_attempts=1)

    @cached_property
    def _reader(self) -> StatusReader:
        from airflow_provider_ard.api.orders.status_reader import StatusReader

        return StatusReader(self._hook.get_conn())

    @property
    def _is_rescheduled(self) -> bool:
        """Whether each look is a process of its own."""
        return self.mode == "reschedule" and not self.deferrable

    def _known(self, context: Context) -> Progress:
        """Return what is known of the orders; before the first look of this process, what an earlier one has said."""
        if self._progress is None:
            said = load_logged(context) if self._is_rescheduled else None
            self._is_out = said is not None and said["is_out"]
            self._progress = Progress(self._order_ids(), wait_started_at(context).timestamp(), said=said)
        return self._progress

    @raises_airflow_exceptions
    def execute(self, context: Context) -> Any:
        """Look once on the worker, and go on in the triggerer unless the orders are done."""
        if not self.deferrable:
            return super().execute(context)
        try:
            look = self.poke(context)
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(f"Skipped, as the sensor is told to: {error}") from error
            raise
        if look.is_done:
            return look.xcom_value
        started_at = self._known(context).started_at
        remaining = timedelta(seconds=started_at + self.timeout - time.time())
        if remaining <= timedelta():
            message = f"The wait has timed out: {self.timeout:g} s have passed since its first try. The order goes on."
            raise AirflowSkipException(message) if self.soft_fail else AirflowSensorTimeout(message)
        if self.retries and task_state_store(context) is None:
            self.log.info("Before Airflow 3.3 a retry of this wait counts its timeout anew.")
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
        """Look at the orders that are not known to be done. An outage is no failure: the next look may succeed."""
        if self._not_before is not None and time.time() < self._not_before:
            return PokeReturnValue(is_done=False)
        self._not_before = None
        progress = self._known(context)
        if not self._is_linked:
            # Known before the first look, and wanted most if that fails.
            push_links(context["ti"], self.ard_conn_id, [{"order_id": one} for one in self._order_ids()])
            self._is_linked = True
        try:
            self._look(progress)
        finally:
            if self._is_rescheduled and self._has_spoken:
                save_logged(context, progress.said | {"is_out": self._is_out})
        if progress.pending:
            return PokeReturnValue(is_done=False)
        self._close(context, progress.reports(), progress.started_at)
        return PokeReturnValue(is_done=True, xcom_value=self._result(progress.reports(), context))

    def _look(self, progress: Progress) -> None:
        try:
            with airflow_exceptions(self.ard_conn_id):
                for found in self._reader.read(progress.pending):
                    for answer in found.values():
                        self._take(answer, progress)
        except ArdUnavailableError as outage:
            # Told once an outage, not at every look of it: it may last for hours.
            tell = self.log.debug if self._is_out else self.log.warning
            tell("%s. The order goes on, and so does the wait.", outage)
            self._has_spoken |= not self._is_out
            self._is_out = True
            if outage.retry_after is not None:
                self._leave_alone_for(outage.retry_after)
        else:
            self._has_spoken |= self._is_out
            self._is_out = False

    def _take(self, answer: OrderStatus | ArdError, progress: Progress) -> None:
        if isinstance(answer, ArdError):
            raise answer
        for line in progress.lines(answer):
            self.log.info("%s", line)
            self._has_spoken = True
        if error := progress.take(answer):
            raise error

    def _leave_alone_for(self, seconds: float) -> None:
        """Honour a Retry-After that reaches beyond the next look."""
        self._not_before = time.time() + seconds
        if self._is_rescheduled and seconds > self.poke_interval:
            # The next look is another process, which would know nothing of it.
            raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=seconds))

    def on_kill(self) -> None:
        """Say what a kill leaves behind."""
        self.log.warning("Killed. Orders cannot be cancelled: what was waited for goes on.")

    @raises_airflow_exceptions
    def execute_complete(self, context: Context, event: Any) -> Any:
        """Return the trigger's result, or raise the error that it met. Anything but a known event is an error."""
        outcome = event.get("outcome") if isinstance(event, Mapping) else None
        if outcome == "failed":
            error = error_class(event.get("error"))
            raise error(str(event.get("message")), order_id=event.get("order_id"))
        if outcome != "succeeded" or not isinstance(event.get("orders"), list):
            raise ArdError(f"the trigger ended with an event that says nothing known: {event!r}")
        self._close(context, event["orders"], event.get("started_at"))
        return self._result(event["orders"], context)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage of the acquisitions that were waited for and of where they lie now."""
        from airflow_provider_ard.lineage.openlineage import lineage_of_order

        return lineage_of_order(self.ard_conn_id, self._order_ids())

    def _close(self, context: Context, reports: list[dict[str, Any]], started_at: float | None) -> None:
        """Say how it went and where things are, in the log and as links."""
        for report in reports:
            self.log.info("%s", summary(report))
        if started_at is not None:
            self.log.info("Waited for %s.", format_duration(time.time() - started_at))
        push_links(context["ti"], self.ard_conn_id, reports)

    def _result(self, reports: list[dict[str, Any]], context: Context) -> Any:
        if self.outlets:
            from airflow_provider_ard.assets.delivery import delivery_event, tell_outlets

            told = [delivery_event(report, self._tile_count(report)) for report in reports]
            tell_outlets(self.outlets, told, context)
        return reports[0] if is_one_order(self.order_id) else reports

    def _tile_count(self, report: dict[str, Any]) -> int | None:
        """Count an order's tiles in the storage, or as the request tells; None, and no failure, if neither can."""
        from airflow_provider_ard.api.delivery.scope import Ask
        from airflow_provider_ard.api.delivery.stac import find_items
        from airflow_provider_ard.hooks.storage import reader

        storage_conn_id = none_if_blank(self.storage_conn_id)
        try:
            with airflow_exceptions(self.ard_conn_id):
                ask = Ask(self._hook.get_order(report["order_id"]).order)
                if storage_conn_id is None:
                    return ask.tile_count
                return len(find_items(report["collection_uri"], reader(storage_conn_id), has=ask.has))
        except Exception as error:  # noqa: BLE001 -- the order is there: its wait must not fail for a number
            self.log.warning("Order %s: its tiles are not counted: %s", report["order_id"], error)
            return None

    def _order_ids(self) -> list[str]:
        with airflow_exceptions(self.ard_conn_id):
            return read_order_ids(self.order_id)
