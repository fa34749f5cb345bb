"""`ArdOrderSensor` waits for orders, for days and through outages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_ard.api.rendered import parsed
from airflow_provider_ard.exceptions import (
    ArdRequestError,
    ArdTaskError,
    ArdUnavailableError,
    airflow_twin,
    twin_named,
)
from airflow_provider_ard.triggers.order import ArdOrderTrigger, Progress

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_ard.hooks.ard import ArdHook

DEFAULT_TIMEOUT = timedelta(days=4)
_ORDER_ID = re.compile(r"[A-Za-z0-9_-]+")


class ArdOrderSensor(BaseSensorOperator):
    """Wait until an order has succeeded; orders take up to three days.

    Deferred, the wait holds no worker slot, and all waits of a triggerer share one session. An outage of the API does
    not end it, only `timeout` does; a failed order does at once, without retries.

    XCom: `{"order_id", "status", "status_message", "usage", "output_uri", "collection_uri"}`, for a list of orders a
    list.

    :param order_id: The id of one order, or a list of them: one wait for all.
    :param deferrable: Wait in the triggerer (default); otherwise on a worker, as `mode` says.
    :param poke_interval: Seconds between two looks, at least 1.
    :param timeout: Seconds (or a timedelta) after which the wait fails; 4 days by default. The order goes on.
    :param ard_conn_id: The Connection of type `ard`.
    :raises airflow_provider_ard.exceptions.ArdOrderFailed: with the API's own message if an order has failed;
        and the other errors of that module.
    """

    template_fields: Sequence[str] = ("order_id", "ard_conn_id")
    ui_color = "#fff2cc"

    def __init__(
        self,
        *,
        order_id: Any,
        deferrable: bool = True,
        poke_interval: timedelta | float = 60,
        timeout: timedelta | float = DEFAULT_TIMEOUT,
        ard_conn_id: str = "ard_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.order_id = order_id
        self.deferrable = deferrable
        self.ard_conn_id = ard_conn_id

    @cached_property
    def _hook(self) -> ArdHook:
        from airflow_provider_ard.hooks.ard import ArdHook

        return ArdHook(self.ard_conn_id)

    @cached_property
    def _progress(self) -> Progress:
        return Progress(self._order_ids())

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
        self.defer(
            trigger=ArdOrderTrigger(
                order_ids=self._order_ids(),
                ard_conn_id=self.ard_conn_id,
                poke_interval=self.poke_interval,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )
        return None

    def poke(self, context: Context) -> PokeReturnValue:
        """Look at the orders that are not known to be done. An outage is no failure: the next look may succeed."""
        progress = self._progress
        for order_id in sorted(progress.pending):
            try:
                order = self._hook.get_order(order_id)
            except ArdUnavailableError as outage:
                self.log.warning("%s. The order goes on, and so does the wait.", outage)
                return PokeReturnValue(is_done=False)
            for line in progress.lines(order):
                self.log.info("%s", line)
            if error := progress.take(order):
                raise airflow_twin(error, self.ard_conn_id)
        if progress.pending:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._result(progress.reports()))

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Return the trigger's result, or raise the error that it met. Anything but a known event is an error."""
        outcome = event.get("outcome") if isinstance(event, Mapping) else None
        if outcome == "failed":
            error = twin_named(event.get("error"))
            raise error(str(event.get("message")), order_id=event.get("order_id"))
        if outcome != "succeeded" or not isinstance(event.get("orders"), list):
            raise ArdTaskError(f"the trigger ended with an event that says nothing known: {event!r}")
        for report in event["orders"]:
            self.log.info("Order %s: %s, delivered to %s.", report["order_id"], report["status"], report["output_uri"])
        return self._result(event["orders"])

    def _result(self, reports: list[dict[str, Any]]) -> Any:
        return reports[0] if isinstance(parsed(self.order_id), str | int) else reports

    def _order_ids(self) -> list[str]:
        given = parsed(self.order_id)
        members = [given] if isinstance(given, str | int) else given
        if not isinstance(members, Iterable) or isinstance(members, Mapping | bytes):
            raise ArdRequestError(
                f"wanted the id of an order or a list of them, got {_shown(given)}", argument="order_id"
            )
        ids = [str(member) if isinstance(member, int) else member for member in members]
        for order_id in ids:
            if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
                raise ArdRequestError(f"not the id of an order: {_shown(order_id)}", argument="order_id")
            if order_id == "None":
                raise ArdRequestError(
                    "is None: was the order a dry run, or has it not been placed?", argument="order_id"
                )
        return list(dict.fromkeys(ids))


def _shown(value: object) -> str:
    return repr(value[:60]) if isinstance(value, str) else f"a {type(value).__name__}"
