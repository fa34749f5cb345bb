"""`wait_for_completion` of `ArdOrderOperator`: the wait of `ArdOrderSensor` in the task that places the order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.api.orders.order_ids import parse_order_id
from airflow_provider_ard.exceptions import raises_airflow_exceptions
from airflow_provider_ard.polling.events import check_event
from airflow_provider_ard.version_compat import AirflowSensorTimeout

if TYPE_CHECKING:
    from airflow_provider_ard.polling.order_wait import OrderWait
    from airflow_provider_ard.version_compat import Context

# How Airflow reports the timeout of a deferral: 3, and 2.11.
TIMEOUT_ERRORS = ("Trigger timeout", "Trigger/execution timeout")


class OrderCompletionMixin:
    """An operator that can wait until its order has succeeded."""

    wait_for_completion: bool
    deferrable: bool
    poke_interval: float
    timeout: float
    storage_conn_id: str | None
    ard_conn_id: str
    # Of the running task.
    _order_id: str | None

    @raises_airflow_exceptions
    def execute_complete(self, context: Context, event: Any) -> Any:
        """Return the report of the order, or raise the error that the trigger reported."""
        orders = check_event(event, orders=list)["orders"]
        self._order_id = parse_order_id([order["order_id"] for order in orders])
        wait = self._order_wait(self._order_id)
        wait.resume(context, event)
        return self._report(wait, context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Continue after a deferral; Airflow calls it. As in a sensor, `timeout` ends the task without retries."""
        error = (next_kwargs or {}).get("error")
        if self.wait_for_completion and next_method == "__fail__" and error in TIMEOUT_ERRORS:
            raise AirflowSensorTimeout(f"{error} after {self.timeout:g} s. The order itself continues.")
        return super().resume_execution(next_method, next_kwargs, context)  # type: ignore[misc]

    def _wait_for_order(self, order_id: str, context: Context) -> Any:
        """Return the report of the order once it has succeeded; defer the task until then, or poll on the worker."""
        wait = self._order_wait(order_id)
        wait.poll(context)
        if self.deferrable and not wait.is_done:
            from airflow_provider_ard.triggers.order import defer_wait

            operator: Any = self
            defer_wait(operator, wait, context)
        while not wait.is_done:
            time.sleep(min(self.poke_interval, wait.remaining().total_seconds()))
            wait.poll(context)
        return self._report(wait, context)

    def _order_wait(self, order_id: str) -> OrderWait:
        from airflow_provider_ard.polling.order_wait import OrderWait

        return OrderWait(
            [order_id], self.ard_conn_id, timeout=self.timeout, poke_interval=self.poke_interval, has_links=True
        )

    def _report(self, wait: OrderWait, context: Context) -> dict[str, Any]:
        operator: Any = self
        wait.publish_to_assets(operator.outlets, self.storage_conn_id, context)
        return wait.reports[0]
