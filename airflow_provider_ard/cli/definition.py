"""The commands and their arguments, used by `airflow ard` and by the console script `ard`.

Airflow is imported only to run a command: help, version and usage errors take no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_ard.cli.arguments import (
    confirmation_problem,
    count,
    date_or_age,
    dates_problem,
    duration,
    order_id,
    pair,
)
from airflow_provider_ard.cli.elements import ARG_CONN_ID, ARG_JSON, Argument, Command, Group
from airflow_provider_ard.cli.imagery_definition import SELECT
from airflow_provider_ard.cli.order_definition import PLACE, PRICE

if TYPE_CHECKING:
    from airflow.cli.cli_config import ActionCommand, GroupCommand

EXIT_CODES = """exit codes:
  0    success; `orders wait`: all orders have succeeded
  1    an order has failed, or the API, the Connection or the network failed; a limit was exceeded, or not confirmed
  2    usage error
  3    `orders wait`: timeout; the orders continue
  130  interrupted; the orders continue"""


ARG_START = Argument(
    "--start-date",
    help="Include orders placed on or after this date (ISO 8601), or not longer ago than 12h, 7d …",
    type=date_or_age,
    metavar="DATE",
)
ARG_END = Argument(
    "--end-date",
    help="Include orders placed on or before this date (ISO 8601), or at least 12h, 7d … ago",
    type=date_or_age,
    metavar="DATE",
)
ARG_CREDENTIALS_ID = Argument("credentials_id", help="ID of the credentials: letters, digits, _ and -")

_ORDERS = (
    Command(
        name="list",
        help="List your orders, newest first",
        function="orders.list_orders",
        args=(
            Argument(
                "--status",
                help="Filter by status",
                choices=("running", "succeeded", "failed"),
                type=str.lower,
            ),
            ARG_START,
            ARG_END,
            Argument("--dag-id", help="Filter by the DAG that placed the order"),
            Argument(
                "--metadata",
                help="Filter by metadata; repeat the option to combine conditions",
                action="append",
                default=[],
                type=pair,
                metavar="KEY=VALUE",
            ),
            Argument("--limit", help="Maximum number of orders (default: 50; 0: no limit)", type=count, default=50),
            ARG_JSON,
            ARG_CONN_ID,
        ),
        check=dates_problem,
    ),
    Command(
        name="show",
        help="Show an order: status, destination, area, cost, tags",
        function="orders.show_order",
        args=(Argument("order_id", help="Order ID", type=order_id), ARG_JSON, ARG_CONN_ID),
    ),
    Command(
        name="wait",
        help="Wait until orders are done; outages of the API do not end the wait",
        function="wait.wait_for_orders",
        args=(
            Argument("order_ids", help="Order IDs", nargs="+", type=order_id, metavar="order_id"),
            Argument("--timeout", help="Timeout: 90, 30m, 2h, 7d … (default: none)", type=duration, metavar="DURATION"),
            Argument(
                "--poke-interval",
                help="Time between polls: 30, 5m … (default: 60 s)",
                type=duration,
                default=60.0,
                metavar="DURATION",
            ),
            ARG_JSON,
            ARG_CONN_ID,
        ),
    ),
)

_ADOPT = Command(
    name="adopt",
    help="Assign an existing order to a task instance",
    function="adopt.adopt_order",
    args=(
        Argument("order_id", help="Order ID", type=order_id),
        Argument("--dag-id", help="DAG of the task instance", required=True),
        Argument("--task-id", help="Task ID of an ArdOrderOperator", required=True),
        Argument("--run-id", help="DAG run ID", required=True),
        Argument("--map-index", help="Map index of a mapped task instance (default: -1)", type=int, default=-1),
        ARG_CONN_ID,
    ),
    description="Assign an existing order to a task instance, for example after a conflict or if an order was in "
    "doubt. Clear the task to adopt the order. No order is placed. Requires Airflow 3.3 or newer.",
)

_USAGE = Command(
    name="usage",
    help="Show the usage, limits and balance of the account",
    function="account.usage",
    args=(
        Argument("--user", help="Usage of this user ID; `me` is the logged-in user"),
        ARG_START,
        ARG_END,
        ARG_JSON,
        ARG_CONN_ID,
    ),
    description="Show the usage, limits and balance of the account. The usage of the account and of other "
    "users is visible to administrators only.",
    check=dates_problem,
)

_CREDENTIALS = (
    Command(
        name="list",
        help="List stored credentials, without their secrets",
        function="account.list_credentials",
        args=(ARG_JSON, ARG_CONN_ID),
    ),
    Command(
        name="put",
        help="Store a SAS URL or the key of a Google service account",
        function="account.put_credentials",
        args=(
            ARG_CREDENTIALS_ID,
            Argument("--file", help="File with the secret (default: standard input or a prompt)"),
            Argument("--description", help="Description"),
            ARG_JSON,
            ARG_CONN_ID,
        ),
        description="Store an Azure SAS URL, or the key of a Google service account (JSON or base64), and replace "
        "credentials with the same ID. The secret is read from a file, standard input or a prompt: arguments are "
        "visible in process lists and shell histories.",
    ),
    Command(
        name="delete",
        help="Delete stored credentials",
        function="account.delete_credentials",
        args=(
            ARG_CREDENTIALS_ID,
            Argument("-y", "--yes", help="Do not ask for confirmation", action="store_true"),
            ARG_CONN_ID,
        ),
        check=confirmation_problem,
    ),
)

ARD_COMMANDS = (
    SELECT,
    PRICE,
    Group(name="orders", help="Place, list, show, wait for and adopt orders", commands=(PLACE, *_ORDERS, _ADOPT)),
    _USAGE,
    Group(name="credentials", help="Stored credentials for deliveries to Google and Azure", commands=_CREDENTIALS),
)


def get_ard_cli_commands() -> list[GroupCommand]:
    """Return the commands for the `airflow` command line."""
    from airflow.cli.cli_config import GroupCommand

    commands = [_airflow_command(command) for command in ARD_COMMANDS]
    return [GroupCommand(name="ard", help="Manage orders of Maxar Analysis-Ready Data (ARD)", subcommands=commands)]


def _airflow_command(command: Command | Group) -> ActionCommand | GroupCommand:
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    if isinstance(command, Group):
        return GroupCommand(command.name, command.help, tuple(map(_airflow_command, command.commands)))
    arguments = tuple(Arg(argument.flags, **argument.options) for argument in command.args)
    return ActionCommand(
        command.name, command.help, command.run, arguments, description=command.description, epilog=EXIT_CODES
    )
