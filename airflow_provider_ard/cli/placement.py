"""`ard orders place`: place an order exactly once, after a confirmation."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_ard.api.errors import ArdOrderInDoubtError, ArdRequestError
from airflow_provider_ard.cli.command import FAILED, OK, command
from airflow_provider_ard.cli.confirmation import is_confirmed
from airflow_provider_ard.cli.order_arguments import parse_order
from airflow_provider_ard.cli.orders import order_json
from airflow_provider_ard.cli.output import print_details, print_json, print_message
from airflow_provider_ard.cli.price import balance_text
from airflow_provider_ard.exceptions import airflow_exceptions
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.ordering.cumulative_budget import BudgetGuard
from airflow_provider_ard.ordering.file_store import locked_file_store
from airflow_provider_ard.ordering.placement import OrderPlacement, PlacedOrder
from airflow_provider_ard.ordering.terminal_key import TerminalKey

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_provider_ard.api.budgets import Budget
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus, Usage
    from airflow_provider_ard.ordering.budget import BudgetLimits
    from airflow_provider_ard.ordering.file_store import FileSubmissionStore


class _Steps(NamedTuple):
    request: OrderRequest
    placement: OrderPlacement
    limits: BudgetLimits
    guard: BudgetGuard


@command
def place_order(args: Namespace) -> int:
    """Place an order, or re-attach to the order of its key."""
    hook = ArdHook(args.conn_id)
    request, limits = parse_order(args, hook)
    if request.dry_run:
        raise ArdRequestError("is true; remove it, or use `ard price`", argument="--file: dry_run")
    budgets = hook.budgets
    _check_pools(budgets)
    key = TerminalKey.of(request, args.key, hook.namespace)
    client = hook.get_conn()
    with locked_file_store(_records(), _record_name(hook, key)) as store, airflow_exceptions(args.conn_id):
        steps = _Steps(
            request,
            OrderPlacement(client, request, key, store=store),
            limits,
            BudgetGuard(client, budgets, key, request),
        )
        print_message(f"Idempotency key: {key.name}")
        try:
            placed = _find_or_place(steps, is_confirmed_by_flag=args.yes)
        except ArdOrderInDoubtError:
            print_message(_repeat(key))
            raise
        except KeyboardInterrupt:
            print_message(_outcome(store, key))
            raise
    if placed is None:
        print_message("Nothing was bought.")
        return FAILED
    _print_order(placed, key, as_json=args.json)
    return OK


def _find_or_place(steps: _Steps, *, is_confirmed_by_flag: bool) -> PlacedOrder | None:
    """Return the order of the key, None if its user does not confirm it."""
    existing = steps.placement.find_existing()
    if existing is not None:
        print_message(f"Order {existing.id} exists already ({existing.status}); nothing was bought.")
        return PlacedOrder(existing, is_new=False)
    usage = steps.placement.price()
    print_message(_estimate(usage, steps.request))
    steps.limits.check(usage, steps.request)
    if not is_confirmed_by_flag and not is_confirmed("Orders cannot be canceled. Place this order?"):
        return None
    steps.guard.reserve(usage)
    with steps.guard.released_on_failure():
        order = steps.placement.submit()
    # The order exists: no later failure may lose its ID.
    print_message(f"Order {order.id} was placed.")
    steps.guard.confirm(order)
    steps.guard.wait_until_listed(order)
    return PlacedOrder(order, is_new=True)


def _estimate(usage: Usage, request: OrderRequest) -> str:
    balance = balance_text(usage)
    return f"Estimate: {usage}{f', balance {balance}' if balance else ''}; delivery to {request.destination.uri}"


def _print_order(placed: PlacedOrder, key: TerminalKey, *, as_json: bool) -> None:
    order: OrderStatus = placed.order
    if as_json:
        print_json(order_json(order) | {"key": key.name, "is_new": placed.is_new})
        return
    print_details(
        [
            ("order", order.id),
            ("status", order.status),
            ("key", key.name),
            ("placed", "now" if placed.is_new else "by an earlier command"),
        ]
    )


def _check_pools(budgets: tuple[Budget, ...]) -> None:
    """Raise `ArdRequestError` for a budget that only the tasks in a pool may use, one at a time."""
    for budget in budgets:
        if budget.pool is not None:
            raise ArdRequestError(
                f"is shared by the tasks in pool {budget.pool!r}; place the order by a task in that pool",
                argument=budget.argument,
            )


def _repeat(key: TerminalKey) -> str:
    return f"Repeat the command with --key {key.name}: it searches for the order, and buys only if there is none."


def _outcome(store: FileSubmissionStore, key: TerminalKey) -> str:
    """Return what is known of the order after an interruption."""
    record = store.load()
    if record is None or not record.submitted:
        return "Interrupted. Nothing was bought."
    if record.order_id is not None:
        return f"Interrupted. The order of this key is {record.order_id}."
    return f"Interrupted. An order may have been submitted. {_repeat(key)}"


def _records() -> Path:
    """Return the folder of the submission records."""
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME) / "ard_orders"


def _record_name(hook: ArdHook, key: TerminalKey) -> str:
    """Return the name of the record of a key, another one for each account."""
    account = [hook.get_conn().base_url, hook.ard_conn_id, key.digest]
    return hashlib.sha256(json.dumps(account).encode()).hexdigest()[:32]
