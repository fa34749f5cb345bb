"""`ard orders list` and `ard orders show`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.text import Text

from airflow_provider_ard.cli.command import OK, command
from airflow_provider_ard.cli.output import amount, print_details, print_json, print_message, print_table, text
from airflow_provider_ard.cli.period import Period
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.ordering.tags import normalize_tag

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from airflow_provider_ard.api.orders.status import OrderStatus

COLUMNS = ("order", "status", "created", "area (km²)", "cost", "destination", "placed by")
# The API's documentation does not mention whether failed orders are billed.
UNBILLED = "presumably not billed; `ard usage` shows the billed total"


@command
def list_orders(args: Namespace) -> int:
    """List orders, newest first."""
    pairs = [("airflow_dag_id", args.dag_id)] if args.dag_id else []
    matching = _filter_orders(ArdHook(args.conn_id), args, [*pairs, *args.metadata])
    # Request one more than is printed, to detect whether there are more.
    orders = list(islice(matching, args.limit + 1 if args.limit else None))
    more, orders = bool(args.limit) and len(orders) > args.limit, orders[: args.limit or None]
    if args.json:
        print_json([order_json(order) for order in orders])
    elif not orders:
        is_filtered = any((pairs, args.metadata, args.status, args.start_date, args.end_date))
        print_message("No order matches." if is_filtered else "You have no orders yet.")
    else:
        print_orders(orders)
    if more:
        print_message(f"There are more than {args.limit} orders; see --limit.")
    return OK


@command
def show_order(args: Namespace) -> int:
    """Show an order."""
    order = ArdHook(args.conn_id).get_order(args.order_id)
    if args.json:
        print_json(order_json(order))
        return OK
    report = order.report()
    usage = order.usage
    cost = amount(usage.total_cost if usage else None).plain
    print_details(
        [
            ("order", order.id),
            ("status", order.status),
            ("message", order.status_message),
            ("created", order.created),
            ("finished", order.finished),
            ("area", f"{usage.area_sqkm:,.2f} km²" if usage and usage.area_sqkm is not None else None),
            ("cost", f"{cost} (failed order, {UNBILLED})" if cost and _is_failed(order) else cost),
            ("destination", report["output_uri"]),
            ("collection", report["collection_uri"]),
            *((f"tag {key}", value) for key, value in sorted(order.metadata.items())),
        ]
    )
    return OK


def order_json(order: OrderStatus) -> dict[str, Any]:
    """Return an order as JSON: the sensor's report, times and metadata."""
    times = order.model_dump(mode="json", include={"created", "finished"})
    return order.report() | times | {"metadata": order.metadata}


def print_orders(orders: Sequence[OrderStatus]) -> None:
    """Print orders as a table, with a note about failed ones."""
    print_table(COLUMNS, map(order_row, orders))
    if any(_is_failed(order) and order.usage for order in orders):
        print_message(f"Costs of failed orders are in parentheses; they are {UNBILLED}.")


def _is_failed(order: OrderStatus) -> bool:
    return order.state.value == "failed"


def _cost(order: OrderStatus) -> Text:
    cost = amount(order.usage.total_cost if order.usage else None)
    return Text(f"({cost.plain})", justify="right") if cost.plain and _is_failed(order) else cost


def _filter_orders(hook: ArdHook, args: Namespace, pairs: Sequence[tuple[str, str]]) -> Iterator[OrderStatus]:
    # The API accepts one filter; the others are applied locally.
    first = f"metadata.{pairs[0][0]}:{pairs[0][1]}" if pairs else None
    period = Period.of(args.start_date, args.end_date)
    for listed_order in hook.list_orders(filter=first, **period.dates):
        order = listed_order if listed_order.metadata or not pairs else hook.get_order(listed_order.id)
        is_matching = args.status in (None, order.state.value) and period.contains(order.created)
        if is_matching and all(normalize_tag(value) in _values(order.metadata, key) for key, value in pairs):
            yield order


def _values(metadata: dict[str, Any], key: str) -> list[str | None]:
    """Return the values under a key of an order's metadata, none if it is missing."""
    value = metadata.get(key, [])
    return [normalize_tag(member) for member in (value if isinstance(value, list) else [value])]


def order_row(order: OrderStatus) -> tuple[Text, ...]:
    """Return the cells of an order for `COLUMNS`."""
    usage, tags = order.usage, order.metadata
    placed_by = [tags[key] for key in ("airflow_dag_id", "airflow_task_id") if tags.get(key)]
    return (
        text(order.id),
        text(order.status),
        text(order.created and f"{order.created:%Y-%m-%d %H:%M}"),
        amount(usage.area_sqkm if usage else None),
        _cost(order),
        text(order.report()["output_uri"]),
        text(".".join(map(str, placed_by)) or tags.get("ard_cli_key_name")),
    )
