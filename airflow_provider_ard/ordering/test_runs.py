"""Detect runs by `airflow tasks test` and `dag.test()`, which place real orders."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_provider_ard.version_compat import Context

_LOOPBACK = ("localhost", "127.", "::1")


def is_test_run(context: Context) -> bool:
    """Return whether this task runs outside of the scheduler, for a test.

    Recognizes `airflow tasks test`, and `dag.test()` since Airflow 3.0, whose tasks run without a supervisor process.
    """
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    comms = type(getattr(runner, "SUPERVISOR_COMMS", None)).__name__
    return bool(
        context.get("test_mode")
        or context["ti"].run_id.startswith("__airflow_temporary_run_")
        or comms == "InProcessSupervisorComms"
    )


def is_loopback(url: str) -> bool:
    """Return whether an API address is on this machine, as that of a sandbox."""
    return (urlsplit(url).hostname or "").startswith(_LOOPBACK)
