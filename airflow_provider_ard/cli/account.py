"""`ard usage` and `ard credentials`."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.cli.command import FAILED, OK, command
from airflow_provider_ard.cli.confirmation import is_confirmed
from airflow_provider_ard.cli.output import amount, print_details, print_json, print_message, print_table, text
from airflow_provider_ard.hooks.ard import ArdHook

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_provider_ard.api.account import StoredCredentials

CLASSES = ("fresh", "standard", "training", "total")


@command
def usage(args: Namespace) -> int:
    """Show the usage of the account or a user."""
    hook = ArdHook(args.conn_id)
    user_id = args.user
    if user_id == "me":
        user_id = str(hook.whoami().user_id)
    account_usage = hook.get_usage(user_id=user_id, start_date=args.start_date, end_date=args.end_date)
    if args.json:
        print_json(account_usage.model_dump(mode="json"))
        return OK
    limits, available = account_usage.limits or {}, account_usage.available or {}
    print_table(
        ("imagery", "area (km²)", "cost", "limit", "balance"),
        [
            (
                Text(name),
                amount(account_usage.area.get(f"{name}_imagery_sqkm")),
                _amount_or_label(account_usage.cost.get(f"{name}_imagery_cost", 0.0), None, "no price"),
                _amount_or_label(
                    limits.get("annual_subscription_fee_limit" if name == "total" else f"{name}_imagery_fee_limit"),
                    -1,
                    "no limit",
                ),
                _amount_or_label(available.get(f"{name}_imagery_balance"), -1, "no limit"),
            )
            for name in CLASSES
        ],
    )
    return OK


@command
def list_credentials(args: Namespace) -> int:
    """List the stored credentials."""
    credentials_list = list(ArdHook(args.conn_id).list_credentials())
    if args.json:
        print_json([item.model_dump(mode="json") for item in credentials_list])
    elif not credentials_list:
        print_message("No credentials are stored.")
    else:
        print_table(
            ("id", "description", "created", "modified"),
            [
                (text(item.credentials_id), text(item.description), text(item.created), text(item.modified))
                for item in credentials_list
            ],
        )
    return OK


@command
def put_credentials(args: Namespace) -> int:
    """Store credentials."""
    secret = _secret(args.file)
    stored = ArdHook(args.conn_id).put_credentials(args.credentials_id, secret, args.description)
    _print_stored(stored, as_json=args.json)
    return OK


@command
def delete_credentials(args: Namespace) -> int:
    """Delete stored credentials after a confirmation."""
    question = f"The API will refuse later orders that use {args.credentials_id}. Delete it?"
    if not args.yes and not is_confirmed(question):
        print_message("Nothing was deleted.")
        return FAILED
    ArdHook(args.conn_id).delete_credentials(args.credentials_id)
    print_message(f"Deleted {args.credentials_id}.")
    return OK


def _secret(file: str | None) -> str:
    try:
        if file is not None:
            secret = Path(file).expanduser().read_text()
        elif sys.stdin.isatty():
            secret = getpass.getpass("SAS URL, or service account key in base64: ", stream=sys.stderr)
        else:
            secret = sys.stdin.read()
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ArdRequestError(f"cannot be read: {reason}", argument="--file" if file else "standard input") from None
    if not secret.strip():
        raise ArdRequestError("is empty", argument="--file" if file else "standard input")
    return secret.strip()


def _print_stored(stored: StoredCredentials, *, as_json: bool) -> None:
    if as_json:
        print_json(stored.model_dump(mode="json"))
        return
    print_details(
        [
            ("stored", stored.credentials_id),
            ("description", stored.description),
            ("created", stored.created),
            ("modified", stored.modified),
        ]
    )


def _amount_or_label(value: float | None, marker: float | None, label: str) -> Text:
    return Text(label, justify="right") if value == marker and (value is not None or marker is None) else amount(value)
