"""`ard price`: the area and cost of an order, without placing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from airflow_provider_ard.cli.command import OK, command
from airflow_provider_ard.cli.order_arguments import parse_order
from airflow_provider_ard.cli.output import amount, print_details, print_json, print_table
from airflow_provider_ard.exceptions import airflow_exceptions
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.ordering.placement import OrderPlacement
from airflow_provider_ard.ordering.terminal_key import TerminalKey

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import Usage

CLASSES = ("fresh", "standard", "training", "total")


@command
def price(args: Namespace) -> int:
    """Show the estimate of a dry run, then check the limits."""
    hook = ArdHook(args.conn_id)
    order = parse_order(args, hook)
    # With the tags of an order: should the API ignore the flag, `ard orders place` finds the order.
    key = TerminalKey.of(order.request, namespace=hook.namespace)
    with airflow_exceptions(args.conn_id):
        usage = OrderPlacement(hook.get_conn(), order.request, key).price()
    if args.json:
        print_json({"usage": usage.model_dump(mode="json"), "output_uri": order.request.destination.uri})
    else:
        _print_price(usage, order.request)
    order.limits.check(usage, order.request)
    return OK


def balance_text(usage: Usage) -> str | None:
    """Return the account's balance, None if it is unknown."""
    from airflow_provider_ard.api.account import UNLIMITED

    balance = (usage.available or {}).get("total_imagery_balance")
    if balance == UNLIMITED:
        return "no limit"
    return None if balance is None else amount(balance).plain


def _print_price(usage: Usage, request: OrderRequest) -> None:
    rows = [name for name in CLASSES if name == "total" or usage.area.get(f"{name}_imagery_sqkm")]
    print_table(
        ("imagery", "area (km²)", "cost"),
        [
            (Text(name), amount(usage.area.get(f"{name}_imagery_sqkm")), _cost(usage.cost.get(f"{name}_imagery_cost")))
            for name in rows
        ],
    )
    print_details(
        [
            ("balance", balance_text(usage)),
            ("destination", request.destination.uri),
        ]
    )


def _cost(cost: float | None) -> Text:
    return Text("no price", justify="right") if cost is None else amount(cost)
