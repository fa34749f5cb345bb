"""`ArdOrderSensor` waits for orders to be delivered."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.arguments import check_duration
from airflow_provider_ard.api.orders.order_ids import is_single_order, parse_order_ids
from airflow_provider_ard.exceptions import ArdError, airflow_exceptions, raises_airflow_exceptions
from airflow_provider_ard.hooks.secret_arguments import SecretArgumentsMixin
from airflow_provider_ard.links.order import ARD_LINKS
from airflow_provider_ard.version_compat import (
    AirflowException,
    AirflowRescheduleException,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_ard.polling.order_wait import OrderWait
    from airflow_provider_ard.version_compat import Context

DEFAULT_TIMEOUT = timedelta(days=4)


class ArdOrderSensor(SecretArgumentsMixin, BaseSensorOperator):
    """Wait until one or more orders have succeeded; an order takes up to three days.

        order = ArdOrderOperator(task_id="order", acquisitions="10300100B2B49700", destination="s3://bucket/prefix")
        delivered = ArdOrderSensor(task_id="wait", order_id=order.output)

    Deferred (the default), the wait uses no worker slot, and all waits of a triggerer share one session. Outages of the
    API do not end the wait; `timeout` does. A failed order fails the task immediately, without retries.

    Of the arguments of every sensor, `exponential_backoff` doubles the interval after each poll, up to `max_wait` (an
    hour by default).

    XCom: `{"order_id", "status", "status_message", "usage", "output_uri", "collection_uri"}`, or a list of these for a
    list of orders. With `outlets`, the asset event describes the orders, see `airflow_provider_ard.assets`.

    :param order_id: An order ID, or a list of IDs to wait for together.
    :param deferrable: Wait in the triggerer (default); otherwise on a worker, according to `mode`.
    :param poke_interval: Seconds between polls, at least 1.
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
        for name, value in (
            ("poke_interval", poke_interval),
            ("timeout", timeout),
            ("max_wait", kwargs.get("max_wait")),
        ):
            check_duration(value, name)
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.order_id = order_id
        self.deferrable = deferrable
        self.storage_conn_id = storage_conn_id
        self.ard_conn_id = ard_conn_id

    @cached_property
    def _wait(self) -> OrderWait:
        from airflow_provider_ard.hooks.connection_ids import check_optional_conn_id
        from airflow_provider_ard.polling.order_wait import OrderWait

        check_optional_conn_id(self.storage_conn_id, "storage_conn_id")
        return OrderWait(
            self._order_ids(),
            self.ard_conn_id,
            timeout=self.timeout,
            poke_interval=self.poke_interval,
            is_rescheduled=self.mode == "reschedule" and not self.deferrable,
        )

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

    @raises_airflow_exceptions
    def poke(self, context: Context) -> PokeReturnValue:
        """Poll the orders that have not succeeded yet. An outage is not an error: the next poke polls again."""
        self._wait.poll(context)
        if not self._wait.is_done:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._result(context))

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        """Return the seconds until the next poke, longer after a `Retry-After`.

        Airflow calls it after it has checked the timeout. A poke in another process does not know of the `Retry-After`.
        """
        return max(super()._get_next_poke_interval(*args, **kwargs), self._wait.retry_after)

    def on_kill(self) -> None:
        """Log that the orders continue."""
        self.log.warning("Task killed. Orders cannot be canceled and continue; clear the task to wait again")

    @raises_airflow_exceptions
    def execute_complete(self, context: Context, event: Any) -> Any:
        """Return the trigger's result, or raise the error that it reported.

        Reports that the event does not contain are read like a first poll: an outage defers the task again.
        """
        self._wait.resume(context, event)
        return self._result(context) if self._wait.is_done else self._execute_deferrable(context)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the acquisitions as inputs and their delivery locations as outputs for OpenLineage."""
        from airflow_provider_ard.lineage.openlineage import lineage_of_order

        return lineage_of_order(self.ard_conn_id, self._order_ids())

    def _execute_deferrable(self, context: Context) -> Any:
        poke = self.poke(context)
        if not poke.is_done:
            from airflow_provider_ard.triggers.order import defer_wait

            defer_wait(
                self,
                self._wait,
                context,
                exponential_backoff=self.exponential_backoff,
                max_wait=self.max_wait.total_seconds() if self.max_wait else None,
            )
        return poke.xcom_value

    def _result(self, context: Context) -> Any:
        self._wait.publish_to_assets(self.outlets, self.storage_conn_id, context)
        return self._wait.reports[0] if is_single_order(self.order_id) else self._wait.reports

    def _order_ids(self) -> list[str]:
        with airflow_exceptions(self.ard_conn_id):
            return parse_order_ids(self.order_id)
