"""`ard price`: the area and cost of an order, without placing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from airflow_provider_ard.cli.command import OK, command
from airflow_provider_ard.cli.order_arguments import parse_order
from airflow_provider_ard.cli.output import amount, print_details, print_json, print_table
from airflow_provider_ard.hooks.ard import ArdHook

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
    usage = hook.dry_run(order.request)
    if args.json:
        print_json({"usage": usage.model_dump(mode="json"), "output_uri": order.request.destination.uri})
    else:
        _print_price(usage, order.request)
    order.limits.check(usage, order.request)
    return OK


def _print_price(usage: Usage, request: OrderRequest) -> None:
    rows = [name for name in CLASSES if name == "total" or usage.area.get(f"{name}_imagery_sqkm")]
    print_table(
        ("imagery", "area (km²)", "cost"),
        [
            (Text(name), amount(usage.area.get(f"{name}_imagery_sqkm")), _cost(usage.cost.get(f"{name}_imagery_cost")))
            for name in rows
        ],
    )
    from airflow_provider_ard.api.account import UNLIMITED

    balance = (usage.available or {}).get("total_imagery_balance")
    print_details(
        [
            ("balance", "no limit" if balance == UNLIMITED else balance and amount(balance).plain),
            ("destination", request.destination.uri),
        ]
    )


def _cost(cost: float | None) -> Text:
    return Text("no price", justify="right") if cost is None else amount(cost)
