"""Budgets of `ArdOrderOperator`: what Airflow has to know of them, and what happens if one is exceeded."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_ard.api.arguments import OMITTED, parse_literal, safe_repr
from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.version_compat import AirflowSkipException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_ard.api.budgets import Budget
    from airflow_provider_ard.api.errors import ArdBudgetExceeded
    from airflow_provider_ard.operators.order import ArdOrderOperator
    from airflow_provider_ard.version_compat import Context

ON_EXCEEDED = ("fail", "skip", "wait")
DEFAULT_POOL = "default_pool"
# A failed order makes room in a budget before it resets, so a waiting task checks it this often.
CHECK_INTERVAL = timedelta(hours=1)
# The clock of the API may be behind.
SHORTEST_WAIT_S = 60.0


def limit_concurrency(budget: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a task so that it runs one instance at a time if it has a budget.

    Tasks in a pool that all of its budgets name run as the pool allows. Raises `ArdRequestError` for an invalid literal
    budget, and for arguments that contradict it.
    """
    if budget is OMITTED:
        return dict(arguments)
    from airflow_provider_ard.api.budgets import parse_budgets

    budgets = parse_budgets(budget) if _is_literal(budget) else ()
    check_pool(budgets, arguments.get("pool") or DEFAULT_POOL)
    limit = arguments.get("max_active_tis_per_dag")
    if budgets and all(budget.pool for budget in budgets):
        return dict(arguments)
    if limit not in (None, 1):
        raise ArdRequestError(
            f"a task with a budget runs one instance at a time, got {safe_repr(limit)}; omit it, or add the task's "
            "pool to the budget",
            argument="max_active_tis_per_dag",
        )
    return {**arguments, "max_active_tis_per_dag": 1}


def check_pool(budgets: Iterable[Budget], pool: str) -> None:
    """Raise `ArdRequestError` unless a task is in the pool that its budgets name."""
    for budget in budgets:
        if budget.pool not in (None, pool):
            raise ArdRequestError(
                f"{budget.argument} is shared by the tasks in pool {budget.pool!r}, got {pool!r}; pass "
                f"pool={budget.pool!r}",
                argument="pool",
            )


def check_mapping(task_id: str, context: Context) -> None:
    """Raise `ArdRequestError` if the budget of a mapped task was passed to `expand`, where Airflow cannot see it."""
    dag: Any = context.get("dag")
    task = dag.get_task(task_id) if dag is not None and task_id in dag.task_ids else None
    partial_arguments = getattr(task, "partial_kwargs", None)
    if partial_arguments is not None and "budget" not in partial_arguments:
        raise ArdRequestError("cannot be mapped over; pass it to partial()", argument="budget")


def check_on_exceeded(on_exceeded: object) -> None:
    """Raise `ArdRequestError` unless the argument is valid."""
    if on_exceeded not in ON_EXCEEDED:
        raise ArdRequestError(
            f"expected one of {', '.join(ON_EXCEEDED)}, got {safe_repr(on_exceeded)}", argument="on_exceeded"
        )


def end_try(operator: ArdOrderOperator, error: ArdBudgetExceeded) -> NoReturn:
    """End a try that a limit has stopped: raise the error, skip the task, or defer it until the budget has room.

    A task never waits for what cannot happen: room for an order that exceeds the complete budget.
    """
    if error.budget is None or operator.on_exceeded == "fail":
        raise error
    if operator.on_exceeded == "skip":
        raise AirflowSkipException(f"Skipped because of on_exceeded: {error}") from None
    if error.resets_at is None:
        raise error
    from airflow_provider_ard.triggers.budget import ArdBudgetTrigger

    resume_at = max(error.resets_at.timestamp(), time.time() + SHORTEST_WAIT_S)
    operator.log.info("Waiting until the budget has room: %s", error)
    operator.defer(
        trigger=ArdBudgetTrigger(resume_at=min(resume_at, time.time() + CHECK_INTERVAL.total_seconds())),
        method_name="execute_after_wait",
    )
    raise AssertionError  # `defer` raises


def _is_literal(value: Any) -> bool:
    """Return whether an argument is the same at parse and at run time: no template, and no output of another task."""
    value = parse_literal(value)
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, dict):
        return all(_is_literal(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_literal(item) for item in value)
    return value is None or isinstance(value, bool | int | float | timedelta)
