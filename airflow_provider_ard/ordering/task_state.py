"""Identity of a task instance across its tries, and Airflow's task state store (Airflow 3.3 or newer).

XCom cannot hold this state: Airflow clears it before each try. Nothing stored here is secret.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

# A cleared task may resume this late.
RETENTION = timedelta(days=365)


def first_try_number(context: Context) -> int:
    """Return the number of the first try since the task was last cleared; automatic retries keep it."""
    ti = context["ti"]
    max_tries: int | None = getattr(ti, "max_tries", None)
    if max_tries is None:
        return 1
    return max(1, max_tries - (context["task"].retries or 0) + 1)


def task_state_store(context: Context) -> Any:
    """Return the task state store, None before Airflow 3.3."""
    return context.get("task_state_store")
