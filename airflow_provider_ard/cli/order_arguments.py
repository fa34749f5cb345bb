"""The order that flags and a file describe."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_ard.api.arguments import ORDER_ARGUMENTS
from airflow_provider_ard.cli.arguments_file import read_arguments_file
from airflow_provider_ard.cli.output import print_message
from airflow_provider_ard.cli.request_arguments import errors_naming_options, passed_flags
from airflow_provider_ard.ordering.budget import BudgetLimits
from airflow_provider_ard.ordering.order_key import check_metadata

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.hooks.ard import ArdHook

LIMITS = ("max_cost", "max_area_sqkm")


class LimitedOrder(NamedTuple):
    """A validated order with its limits."""

    request: OrderRequest
    limits: BudgetLimits


def parse_order(args: Namespace, hook: ArdHook) -> LimitedOrder:
    """Return the order of a command, and print its warnings. Flags take precedence over the file.

    Raises `ArdRequestError`, which names the option, for an invalid argument; no request is sent.
    """
    names = (*ORDER_ARGUMENTS, *LIMITS)
    flags = passed_flags(args, names)
    in_file = {} if args.file is None else read_arguments_file(args.file, names)
    values = in_file | flags
    with errors_naming_options(names, in_file.keys() - flags.keys()):
        limits = BudgetLimits.parse(**{name: values[name] for name in LIMITS if name in values})
        request = hook.order_request(**{name: values[name] for name in ORDER_ARGUMENTS if name in values})
        check_metadata(request.metadata)
    for warning in request.warnings:
        print_message(f"warning: {warning}")
    return LimitedOrder(request, limits)
