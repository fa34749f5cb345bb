"""The steps of `ArdOrderOperator`, validated before the first request. Imported when a task runs, as it is heavy."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_ard.api.budgets import parse_budgets
from airflow_provider_ard.api.errors import ArdBudgetExceeded
from airflow_provider_ard.api.orders.order_ids import parse_order_id
from airflow_provider_ard.hooks.connection_ids import check_optional_conn_id
from airflow_provider_ard.operators.order_budget import check_mapping, check_on_exceeded, check_pool, end_try
from airflow_provider_ard.ordering.budget import BudgetLimits
from airflow_provider_ard.ordering.cumulative_budget import BudgetGuard
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import OrderPlacement
from airflow_provider_ard.ordering.reservations import reservation_store
from airflow_provider_ard.ordering.submission_store import submission_store
from airflow_provider_ard.ordering.task_state import Attempt
from airflow_provider_ard.ordering.test_runs import is_loopback, is_test_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import Usage
    from airflow_provider_ard.hooks.ard import ArdHook
    from airflow_provider_ard.operators.order import ArdOrderOperator
    from airflow_provider_ard.version_compat import Context

log = logging.getLogger(__name__)


class OrderSteps(NamedTuple):
    """What places the order of a task instance, and what limits it."""

    placement: OrderPlacement
    limits: BudgetLimits
    guard: BudgetGuard

    @property
    def needs_price(self) -> bool:
        """Whether the order has to be priced before it is placed."""
        return bool(self.limits) or bool(self.guard)


def prepare_steps(
    operator: ArdOrderOperator, context: Context, hook: ArdHook, request: OrderRequest, passed: Mapping[str, Any]
) -> OrderSteps:
    """Return the steps of an order. `passed`: the arguments that limit it and were not omitted.

    Raises `ArdRequestError` for an invalid argument; no request is sent.
    """
    if is_test_run(context) and not is_loopback(hook.get_conn().base_url):
        operator.log.warning("Test run places a real, billed order; use a Connection to a sandbox for tests")
    limits = BudgetLimits.parse(**{name: passed[name] for name in ("max_cost", "max_area_sqkm") if name in passed})
    existing_order_id = passed.get("existing_order_id")
    if "existing_order_id" in passed:
        existing_order_id = parse_order_id(existing_order_id, "existing_order_id")
    check_on_exceeded(operator.on_exceeded)
    check_optional_conn_id(operator.storage_conn_id, "storage_conn_id")
    budgets = hook.budgets
    if "budget" in passed:
        check_mapping(operator.task_id, context)
        budgets = (*parse_budgets(passed["budget"]), *budgets)
    if request.dry_run:
        budgets = ()
    check_pool(budgets, operator.pool)
    key = IdempotencyKey.from_context(context, hook.namespace)
    reservations = reservation_store(context, hook.ard_conn_id) if budgets else None
    placement = OrderPlacement(
        hook.get_conn(),
        request,
        key,
        if_exists=operator.if_exists,
        include_failed=operator.wait_for_completion,
        existing_order_id=existing_order_id,
        store=submission_store(context),
        attempt=Attempt.from_context(context),
    )
    return OrderSteps(placement, limits, BudgetGuard(hook.get_conn(), budgets, key, request, reservations))


def publish_price(placement: OrderPlacement, context: Context) -> Usage:
    """Return the estimate of a dry run, and push it to XCom before any check can prevent the order."""
    usage = placement.price()
    context["ti"].xcom_push(key="usage", value=usage.model_dump(mode="json"))
    log.info("Estimate: %s", usage)
    return usage


def reserve_budget(operator: ArdOrderOperator, guard: BudgetGuard, usage: Usage) -> None:
    """Reserve the budgets of an order, or end the try as `on_exceeded` defines."""
    try:
        guard.reserve(usage)
    except ArdBudgetExceeded as error:
        end_try(operator, error)
