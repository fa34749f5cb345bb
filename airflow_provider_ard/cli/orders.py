"""`ard orders list` and `ard orders show`."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.cli.command import OK, command
from airflow_provider_ard.cli.output import amount, print_facts, print_json, print_table, say, text
from airflow_provider_ard.hooks.ard import ArdHook

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from airflow_provider_ard.api.order import OrderStatus

COLUMNS = ("order", "status", "created", "area (km²)", "cost", "destination", "placed by")


@command
def list_orders(args: Namespace) -> int:
    """List orders, the newest first."""
    pairs = [("airflow_dag_id", args.dag_id)] if args.dag_id else []
    found = _found(ArdHook(args.conn_id), args, [*pairs, *args.metadata])
    # One more than is shown tells whether there are more.
    orders = list(islice(found, args.limit + 1 if args.limit else None))
    more, orders = bool(args.limit) and len(orders) > args.limit, orders[: args.limit or None]
    if args.json:
        print_json([details(order) for order in orders])
    elif not orders:
        say("There are no such orders.")
    else:
        print_table(COLUMNS, map(row, orders))
    if more:
        say(f"There are more than these {args.limit}; see --limit.")
    return OK


@command
def show_order(args: Namespace) -> int:
    """Show all that the API tells of an order."""
    order = ArdHook(args.conn_id).get_order(args.order_id)
    if args.json:
        print_json(details(order))
        return OK
    known = order.report()
    usage = order.usage
    print_facts(
        [
            ("order", order.id),
            ("status", order.status),
            ("message", order.status_message),
            ("created", order.created),
            ("finished", order.finished),
            ("area", f"{usage.area_sqkm:,.2f} km²" if usage and usage.area_sqkm is not None else None),
            ("cost", f"{usage.total_cost:,.2f}" if usage and usage.total_cost is not None else None),
            ("destination", known["output_uri"]),
            ("collection", known["collection_uri"]),
            *((f"tag {key}", value) for key, value in sorted(order.metadata.items())),
        ]
    )
    return OK


def details(order: OrderStatus) -> dict[str, Any]:
    """Return an order as JSON for programs: the sensor's report, times and metadata."""
    times = order.model_dump(mode="json", include={"created", "finished"})
    return order.report() | times | {"metadata": order.metadata}


def _found(hook: ArdHook, args: Namespace, pairs: Sequence[tuple[str, str]]) -> Iterator[OrderStatus]:
    # The API takes one filter; the rest is looked at here.
    first = f"metadata.{pairs[0][0]}:{pairs[0][1]}" if pairs else None
    for listed in hook.list_orders(filter=first, start_date=args.start_date, end_date=args.end_date):
        order = listed if listed.metadata or not pairs else hook.get_order(listed.id)
        right_state = args.status in (None, order.state.value)
        if right_state and all(value in _texts(order.metadata.get(key)) for key, value in pairs):
            yield order


def _texts(value: Any) -> list[str]:
    members = value if isinstance(value, list) else [value]
    return [member if isinstance(member, str) else json.dumps(member) for member in members]


def row(order: OrderStatus) -> tuple[Text, ...]:
    """Return an order below `COLUMNS`."""
    usage, tags = order.usage, order.metadata
    placed_by = [tags[key] for key in ("airflow_dag_id", "airflow_task_id") if tags.get(key)]
    return (
        text(order.id),
        text(order.status),
        text(order.created and f"{order.created:%Y-%m-%d %H:%M}"),
        amount(usage.area_sqkm if usage else None),
        amount(usage.total_cost if usage else None),
        text(order.report()["output_uri"]),
        text(".".join(map(str, placed_by))),
    )
