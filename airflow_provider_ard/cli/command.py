"""What all commands share: one line for an error, and the exit code."""

from __future__ import annotations

import logging
import os
import sys
from functools import wraps
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdError, ArdRequestError
from airflow_provider_ard.cli import output
from airflow_provider_ard.version_compat import AirflowException

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

OK, FAILED, BAD_USAGE, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 130


def command(function: Callable[[Namespace], int]) -> Callable[[Namespace], None]:
    """Turn a function that returns the exit code into a command; its errors become one line and an exit code."""

    @wraps(function)
    def run(args: Namespace) -> None:
        # Otherwise Airflow 3 reads connections from the environment only, not from its database.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        # Airflow 2 logs each connection to standard output, which is read by programs.
        logging.getLogger("airflow.hooks.base").setLevel(logging.WARNING)
        out = output.stdout()
        try:
            code = function(args)
            out.flush()
        except ArdRequestError as error:
            # With a status, the API has refused it.
            code = _failed(error, BAD_USAGE if error.status is None else FAILED)
        except (ArdError, AirflowException) as error:
            code = _failed(error, FAILED)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BrokenPipeError:
            # The reader, such as `head`, has closed the pipe. Python would report that again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            code = OK
        if code:
            sys.exit(code)

    return run


def _failed(error: Exception, code: int) -> int:
    output.print_error(str(error))
    return code
