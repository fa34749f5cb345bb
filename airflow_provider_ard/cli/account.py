"""`ard usage` and `ard credentials`."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.cli.command import FAILED, OK, check_dates, command
from airflow_provider_ard.cli.output import amount, print_facts, print_json, print_table, say, text
from airflow_provider_ard.hooks.ard import ArdHook

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_provider_ard.api.account import StoredCredentials

CLASSES = ("fresh", "standard", "training", "total")


@command
def usage(args: Namespace) -> int:
    """Show what the account or a user has ordered."""
    check_dates(args)
    hook = ArdHook(args.conn_id)
    user_id = args.user
    if user_id == "me":
        user_id = str(hook.whoami().user_id)
    found = hook.get_usage(user_id=user_id, start_date=args.start_date, end_date=args.end_date)
    if args.json:
        print_json(found.model_dump(mode="json"))
        return OK
    limits, available = found.limits or {}, found.available or {}
    print_table(
        ("imagery", "area (km²)", "cost", "limit", "left"),
        [
            (
                Text(name),
                amount(found.area.get(f"{name}_imagery_sqkm")),
                _or(found.cost.get(f"{name}_imagery_cost", 0.0), None, "no price"),
                _or(
                    limits.get("annual_subscription_fee_limit" if name == "total" else f"{name}_imagery_fee_limit"),
                    -1,
                    "no limit",
                ),
                _or(available.get(f"{name}_imagery_balance"), -1, "no limit"),
            )
            for name in CLASSES
        ],
    )
    return OK


@command
def list_credentials(args: Namespace) -> int:
    """List the stored credentials."""
    found = list(ArdHook(args.conn_id).list_credentials())
    if args.json:
        print_json([credentials.model_dump(mode="json") for credentials in found])
    elif not found:
        say("No credentials are stored.")
    else:
        print_table(
            ("id", "description", "created", "modified"),
            [(text(one.credentials_id), text(one.description), text(one.created), text(one.modified)) for one in found],
        )
    return OK


@command
def put_credentials(args: Namespace) -> int:
    """Store credentials."""
    secret = _secret(args.file)
    stored = ArdHook(args.conn_id).put_credentials(args.credentials_id, secret, args.description)
    _tell(stored, as_json=args.json)
    return OK


@command
def delete_credentials(args: Namespace) -> int:
    """Delete stored credentials, if the user is sure."""
    if not args.yes:
        if not sys.stdin.isatty():
            raise ArdRequestError("nobody can be asked here: say --yes to delete", argument="--yes")
        say(f"Orders that name {args.credentials_id} afterwards will be refused. Delete it? [y/N]")
        if input().strip().lower() not in {"y", "yes"}:
            say("Nothing deleted.")
            return FAILED
    ArdHook(args.conn_id).delete_credentials(args.credentials_id)
    say(f"Deleted {args.credentials_id}.")
    return OK


def _secret(file: str | None) -> str:
    try:
        if file is not None:
            found = Path(file).expanduser().read_text()
        elif sys.stdin.isatty():
            found = getpass.getpass("SAS URL, or service account key in base64: ", stream=sys.stderr)
        else:
            found = sys.stdin.read()
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ArdRequestError(f"cannot be read: {reason}", argument="--file" if file else "standard input") from None
    if not found.strip():
        raise ArdRequestError("is empty", argument="--file" if file else "standard input")
    return found.strip()


def _tell(stored: StoredCredentials, *, as_json: bool) -> None:
    if as_json:
        print_json(stored.model_dump(mode="json"))
        return
    print_facts(
        [
            ("stored", stored.credentials_id),
            ("description", stored.description),
            ("created", stored.created),
            ("modified", stored.modified),
        ]
    )


def _or(value: float | None, special: float | None, said: str) -> Text:
    return Text(said, justify="right") if value == special and (value is not None or special is None) else amount(value)
