"""What all commands share: the connection, one clear line for an error, the exit code."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_ard.api.errors import ArdError, ArdRequestError
from airflow_provider_ard.cli import output

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable
    from datetime import date

OK, FAILED, BAD_USAGE, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 130


def command(function: Callable[[Namespace], int]) -> Callable[[Namespace], None]:
    """Make a command of a function that returns the exit code: whatever it raises becomes a line and a code."""

    @wraps(function)
    def run(args: Namespace) -> None:
        # Without it, Airflow 3 looks for connections in the environment and not in its database.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        # Airflow 2 says there that it looks one up, on the standard output, which is for programs to read.
        logging.getLogger("airflow.hooks.base").setLevel(logging.WARNING)
        out = output.stdout()
        try:
            code = function(args)
            out.flush()
        except ArdRequestError as error:
            # With a status, it is the API that has refused it.
            code = _failed(error, BAD_USAGE if error.status is None else FAILED)
        except (ArdError, AirflowException) as error:
            code = _failed(error, FAILED)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BrokenPipeError:
            # Whoever read the output has enough, such as `head`. Python would complain once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            code = OK
        if code:
            sys.exit(code)

    return run


def check_dates(args: Namespace) -> None:
    """Refuse a start after the end: the API answers with nothing, which looks like a result."""
    if args.start_date and args.end_date and _day(args.start_date) > _day(args.end_date):
        raise ArdRequestError(f"{args.start_date} is after --end-date {args.end_date}", argument="--start-date")


def _day(text: str) -> date:
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _failed(error: Exception, code: int) -> int:
    output.complain(str(error))
    return code
