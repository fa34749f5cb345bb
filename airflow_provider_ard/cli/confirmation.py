"""The question before what cannot be undone."""

from __future__ import annotations

from airflow_provider_ard.cli.output import print_message


def is_confirmed(question: str) -> bool:
    """Return whether the user confirms with y or yes; the end of the input is no confirmation."""
    print_message(f"{question} [y/N]")
    try:
        reply = input()
    except EOFError:
        return False
    return reply.strip().lower() in {"y", "yes"}
