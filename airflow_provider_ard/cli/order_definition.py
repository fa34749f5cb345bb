"""The commands `ard price` and `ard orders place`, and their arguments. Imports no Airflow."""

from __future__ import annotations

from airflow_provider_ard.cli.arguments import acquisition, confirmation_problem, order_key, pair
from airflow_provider_ard.cli.elements import ARG_CONN_ID, ARG_JSON, Argument, Command
from airflow_provider_ard.cli.imagery_definition import (
    ARG_BBOX,
    ARG_DROP_SMALL_POLYGONS,
    ARG_INTERSECTS,
    ARG_SIMPLIFY_AOI,
)

_ORDER_ARGUMENTS = (
    Argument(
        "--file",
        help="YAML or JSON file with the arguments of ArdOrderOperator; flags take precedence",
        metavar="FILE",
    ),
    Argument(
        "--acquisitions",
        help="Acquisition IDs to order, complete or with some of their cells",
        nargs="+",
        type=acquisition,
        metavar="ID[:CELL,…]",
    ),
    Argument("--select-id", help="Order the results of this Select instead", metavar="ID"),
    Argument("--destination", help="Location of the delivery: s3://, gs:// or az://bucket/prefix", metavar="URI"),
    ARG_INTERSECTS,
    ARG_BBOX,
    Argument("--role-arn", help="AWS role that the ARD writer assumes to write to S3", metavar="ARN"),
    Argument(
        "--bba", help="Align the images of the order by bundle block adjustment", action="store_true", default=None
    ),
    Argument(
        "--settings",
        help="Change a setting, such as water_mask=false; repeat the option for others",
        action="append",
        type=pair,
        metavar="NAME=VALUE",
    ),
    Argument(
        "--metadata",
        help="Store a value with the order; repeat the option for others",
        action="append",
        type=pair,
        metavar="KEY=VALUE",
    ),
    Argument("--email-notifications", help="Addresses to notify when the order is done", nargs="+", metavar="ADDRESS"),
    Argument("--sns-notifications", help="SNS topics to notify when the order is done", nargs="+", metavar="ARN"),
    ARG_SIMPLIFY_AOI,
    ARG_DROP_SMALL_POLYGONS,
    Argument("--max-cost", help="Fail above this estimate, in the account's currency", metavar="AMOUNT"),
    Argument("--max-area-sqkm", help="Fail above this estimate, in km²", metavar="AREA"),
)

PRICE = Command(
    name="price",
    help="Show the area and cost of an order without placing it",
    function="price.price",
    args=(*_ORDER_ARGUMENTS, ARG_JSON, ARG_CONN_ID),
    description="Validate an order and estimate its area and cost, by a dry run. Places no order. The arguments are "
    "those of ArdOrderOperator, as flags or in a file. Destinations with credentials (output_config) are accepted "
    "from a file only: flags are visible in process lists and shell histories.",
)

PLACE = Command(
    name="place",
    help="Place an order, which is billed, after a confirmation",
    function="placement.place_order",
    args=(
        *_ORDER_ARGUMENTS,
        Argument(
            "--key",
            help="Idempotency key: a repeated call with the same key places no other order (default: derived from "
            "what is ordered and where to)",
            type=order_key,
        ),
        Argument("-y", "--yes", help="Do not ask for confirmation", action="store_true"),
        ARG_JSON,
        ARG_CONN_ID,
    ),
    description="Place an order, which is billed and cannot be canceled. Prints its idempotency key, searches for an "
    "order with that key, estimates the cost by a dry run, and asks for confirmation. A repeated call re-attaches to "
    "the order instead of buying again, also after a lost response; a failed order is replaced. The arguments are "
    "those of ArdOrderOperator, as flags or in a file; output_config is accepted from a file only.",
    check=confirmation_problem,
)
