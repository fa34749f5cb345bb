"""The commands and their arguments. `airflow` and the console script `ard` both build their parser from here."""

from __future__ import annotations

import argparse
import math
from datetime import datetime

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command

EXIT_CODES = """exit codes:
  0    done; of `orders wait`: all orders have succeeded
  1    an order has failed, or the API, the connection or the network stood in the way
  2    bad usage
  3    `orders wait`: the time is up, the orders go on
  130  Ctrl-C; orders go on"""


def _date(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"wanted a date like 2026-01-31, got {text!r}") from None
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"wanted seconds, at least 1, got {text!r}")
    return seconds


def _order_id(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("wanted the id of an order, got nothing")
    return text.strip()


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"wanted a number, 0 for all, got {text!r}")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"wanted KEY=VALUE, got {text!r}")
    return key, value


ARG_CONN_ID = Arg(("--conn-id",), help="The Connection of type ard (default: ard_default)", default="ard_default")
ARG_JSON = Arg(("--json",), help="Print JSON instead of a table", action="store_true")
ARG_START = Arg(("--start-date",), help="Ordered on this day or later, ISO 8601", type=_date, metavar="DATE")
ARG_END = Arg(("--end-date",), help="Ordered on this day or earlier, ISO 8601", type=_date, metavar="DATE")
ARG_CREDENTIALS_ID = Arg(("credentials_id",), help="Letters, digits, _ and -")

_ORDERS = (
    ActionCommand(
        name="list",
        help="List the account's orders, the newest first",
        func=lazy_load_command("airflow_provider_ard.cli.orders.list_orders"),
        args=(
            Arg(
                ("--status",),
                help="Only orders that are so",
                choices=("running", "succeeded", "failed"),
                type=str.lower,
            ),
            ARG_START,
            ARG_END,
            Arg(("--dag-id",), help="Only orders that this DAG has placed"),
            Arg(
                ("--metadata",),
                help="Only orders with this metadata; may be repeated, and then all must hold",
                action="append",
                default=[],
                type=_pair,
                metavar="KEY=VALUE",
            ),
            Arg(("--limit",), help="How many at most (default: 50; 0: all)", type=_count, default=50),
            ARG_JSON,
            ARG_CONN_ID,
        ),
        epilog=EXIT_CODES,
    ),
    ActionCommand(
        name="show",
        help="Show an order: status, destination, area, cost, tags",
        func=lazy_load_command("airflow_provider_ard.cli.orders.show_order"),
        args=(Arg(("order_id",), help="The id of the order", type=_order_id), ARG_JSON, ARG_CONN_ID),
        epilog=EXIT_CODES,
    ),
    ActionCommand(
        name="wait",
        help="Wait until orders are done, through outages of the API",
        func=lazy_load_command("airflow_provider_ard.cli.wait.wait_for_orders"),
        args=(
            Arg(("order_ids",), help="The ids of the orders", nargs="+", type=_order_id, metavar="order_id"),
            Arg(("--timeout",), help="Seconds after which to give up (default: never)", type=_seconds),
            Arg(("--poke-interval",), help="Seconds between two looks (default: 60)", type=_seconds, default=60.0),
            ARG_JSON,
            ARG_CONN_ID,
        ),
        epilog=EXIT_CODES,
    ),
)

_USAGE = ActionCommand(
    name="usage",
    help="Show what the account has ordered, and what it may still spend",
    func=lazy_load_command("airflow_provider_ard.cli.account.usage"),
    args=(
        Arg(("--user",), help="Of this user, by id; `me` is who is logged in"),
        ARG_START,
        ARG_END,
        ARG_JSON,
        ARG_CONN_ID,
    ),
    description="Show what the account has ordered, and what it may still spend. The usage of the account and of other "
    "users is for administrators to see.",
    epilog=EXIT_CODES,
)

_CREDENTIALS = (
    ActionCommand(
        name="list",
        help="List the stored credentials, without their secrets",
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
            Arg(("--file",), help="The file to read it from; without it, standard input or a prompt"),
            Arg(("--description",), help="A note for people"),
            ARG_JSON,
            ARG_CONN_ID,
        ),
        description="Store an Azure SAS URL, or the key of a Google service account (JSON or base64), in place of any "
        "credentials of the same id. The secret is read from a file, standard input or a prompt: arguments show in "
        "process lists and shell histories.",
        epilog=EXIT_CODES,
    ),
    ActionCommand(
        name="delete",
        help="Delete stored credentials",
        func=lazy_load_command("airflow_provider_ard.cli.account.delete_credentials"),
        args=(
            ARG_CREDENTIALS_ID,
            Arg(("-y", "--yes"), help="Do not ask", action="store_true"),
            ARG_CONN_ID,
        ),
        epilog=EXIT_CODES,
    ),
)

ARD_COMMANDS = (
    GroupCommand(name="orders", help="Orders: list, show, wait", subcommands=_ORDERS),
    _USAGE,
    GroupCommand(
        name="credentials", help="Stored credentials for deliveries to Google and Azure", subcommands=_CREDENTIALS
    ),
)


def get_ard_cli_commands() -> list[GroupCommand]:
    """Return what the `airflow` command takes in."""
    return [GroupCommand(name="ard", help="Orders of Maxar Analysis-Ready Data (ARD)", subcommands=ARD_COMMANDS)]
