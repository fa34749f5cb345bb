"""The callback of deadlines in tests. It runs in the triggerer."""

import os
from pathlib import Path
from typing import Any


async def record(context: dict[str, Any]) -> None:
    """Write the IDs of the run that is late to the file `LATE_RUNS`."""
    run = context["dag_run"]
    with Path(os.environ["LATE_RUNS"]).open("a") as file:  # noqa: ASYNC230 -- a line
        file.write(f"{run['dag_id']} {run['dag_run_id']}\n")
