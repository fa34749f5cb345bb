"""The commands and their arguments, used by `airflow ard` and by the console script `ard`."""

from __future__ import annotations

import argparse
import math
from datetime import datetime

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command

EXIT_CODES = """exit codes:
  0    success; `orders wait`: all orders have succeeded
  1    an order has failed, or the API, the Connection or the network failed
  2    usage error
  3    `orders wait`: timeout; the orders continue
  130  interrupted; the orders continue"""


def _date(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a date like 2026-01-31, got {text!r}") from None
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds, at least 1, got {text!r}")
    return seconds


def _order_id(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("expected an order ID, got an empty string")
    return text.strip()


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number, 0 for all, got {text!r}")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE, got {text!r}")
    return key, value


ARG_CONN_ID = Arg(("--conn-id",), help="Connection ID of type ard (default: ard_default)", default="ard_default")
ARG_JSON = Arg(("--json",), help="Output JSON instead of a table", action="store_true")
ARG_START = Arg(
    ("--start-date",), help="Include orders placed on or after this date (ISO 8601)", type=_date, metavar="DATE"
)
ARG_END = Arg(
    ("--end-date",), help="Include orders placed on or before this date (ISO 8601)", type=_date, metavar="DATE"
)
ARG_CREDENTIALS_ID = Arg(("credentials_id",), help="ID of the credentials: letters, digits, _ and -")

_ORDERS = (
    ActionCommand(
        name="list",
        help="List the account's orders, newest first",
        func=lazy_load_command("airflow_provider_ard.cli.orders.list_orders"),
        args=(
            Arg(
                ("--status",),
                help="Filter by status",
                choices=("running", "succeeded", "failed"),
                type=str.lower,
            ),
            ARG_START,
            ARG_END,
            Arg(("--dag-id",), help="Filter by the DAG that placed the order"),
            Arg(
                ("--metadata",),
                help="Filter by metadata; repeat the option to combine conditions",
                action="append",
                default=[],
                type=_pair,
                metavar="KEY=VALUE",
            ),
            Arg(("--limit",), help="Maximum number of orders (default: 50; 0: no limit)", type=_count, default=50),
            ARG_JSON,
            ARG_CONN_ID,
        ),
        epilog=EXIT_CODES,
    ),
    ActionCommand(
        name="show",
        help="Show an order: status, destination, area, cost, tags",
        func=lazy_load_command("airflow_provider_ard.cli.orders.show_order"),
        args=(Arg(("order_id",), help="Order ID", type=_order_id), ARG_JSON, ARG_CONN_ID),
        epilog=EXIT_CODES,
    ),
    ActionCommand(
        name="wait",
        help="Wait until orders are done; outages of the API do not end the wait",
        func=lazy_load_command("airflow_provider_ard.cli.wait.wait_for_orders"),
        args=(
            Arg(("order_ids",), help="Order IDs", nargs="+", type=_order_id, metavar="order_id"),
            Arg(("--timeout",), help="Timeout in seconds (default: none)", type=_seconds),
            Arg(("--poke-interval",), help="Seconds between polls (default: 60)", type=_seconds, default=60.0),
            ARG_JSON,
            ARG_CONN_ID,
        ),
        epilog=EXIT_CODES,
    ),
)

_ADOPT = ActionCommand(
    name="adopt",
    help="Assign an existing order to a task instance",
    func=lazy_load_command("airflow_provider_ard.cli.adopt.adopt_order"),
    args=(
        Arg(("order_id",), help="Order ID", type=_order_id),
        Arg(("--dag-id",), help="DAG of the task instance", required=True),
        Arg(("--task-id",), help="Task ID of an ArdOrderOperator", required=True),
        Arg(("--run-id",), help="DAG run ID", required=True),
        Arg(("--map-index",), help="Map index of a mapped task instance (default: -1)", type=int, default=-1),
        ARG_CONN_ID,
    ),
    description="Assign an existing order to a task instance, for example after a conflict or if an order was in "
    "doubt. Clear the task to adopt the order. No order is placed. Requires Airflow 3.3 or newer.",
    epilog=EXIT_CODES,
)

_USAGE = ActionCommand(
    name="usage",
    help="Show the usage, limits and balance of the account",
    func=lazy_load_command("airflow_provider_ard.cli.account.usage"),
    args=(
        Arg(("--user",), help="Usage of this user ID; `me` is the logged-in user"),
        ARG_START,
        ARG_END,
        ARG_JSON,
        ARG_CONN_ID,
    ),
    description="Show the usage, limits and balance of the account. The usage of the account and of other "
    "users is visible to administrators only.",
    epilog=EXIT_CODES,
)

_CREDENTIALS = (
    ActionCommand(
        name="list",
        help="List stored credentials, without their secrets",
        func=lazy_load_command("airflow_provider_ard.cli.account.list_credentials"),
        args=(ARG_JSON, ARG_CONN_ID),
        epilog=EXIT_CODES,
    ),
    ActionCommand(
        name="put",
        help="Store a SAS URL or the key of a Google service account",
        func=lazy_load_command("airflow_provider_ard.cli.account.put_credentials"),
        args=(
            ARG_CREDENTIALS_ID,
            Arg(("--file",), help="File with the secret (default: standard input or a prompt)"),
            Arg(("--description",), help="Description"),
            ARG_JSON,
            ARG_CONN_ID,
        ),
        description="Store an Azure SAS URL, or the key of a Google service account (JSON or base64), and replace "
        "credentials with the same ID. The secret is read from a file, standard input or a prompt: arguments are "
        "visible in process lists and shell histories.",
        epilog=EXIT_CODES,
    ),
    ActionCommand(
        name="delete",
        help="Delete stored credentials",
        func=lazy_load_command("airflow_provider_ard.cli.account.delete_credentials"),
        args=(
            ARG_CREDENTIALS_ID,
            Arg(("-y", "--yes"), help="Do not ask for confirmation", action="store_true"),
            ARG_CONN_ID,
        ),
        epilog=EXIT_CODES,
    ),
)

ARD_COMMANDS = (
    GroupCommand(name="orders", help="List, show, wait for and adopt orders", subcommands=(*_ORDERS, _ADOPT)),
    _USAGE,
    GroupCommand(
        name="credentials", help="Stored credentials for deliveries to Google and Azure", subcommands=_CREDENTIALS
    ),
)


def get_ard_cli_commands() -> list[GroupCommand]:
    """Return the commands for the `airflow` command line."""
    return [GroupCommand(name="ard", help="Manage orders of Maxar Analysis-Ready Data (ARD)", subcommands=ARD_COMMANDS)]
