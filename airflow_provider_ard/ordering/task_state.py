"""Identity of a task instance across its tries, and Airflow's task state store (Airflow 3.3 or newer).

XCom cannot hold this state: Airflow clears it before each try. Nothing stored here is secret.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from airflow_provider_ard.version_compat import Context

# A task may be cleared and resumed within this time.
RETENTION = timedelta(days=365)


class Attempt(NamedTuple):
    """One try of a task instance.

    `series`: identifies the tries since the task was last cleared: Airflow's `max_tries`, which automatic retries keep,
    also if `retries` is edited. A clear raises it unless `retries` was lowered as well. `clear_number`: how often the
    DAG run was cleared; before Airflow 3.2, only after it had finished. `mapped_instances`: number of instances to
    which a mapped task expands; None if not mapped or unknown. `initial_series`: `series` before the first clear.
    """

    series: int = 0
    clear_number: int = 0
    is_first: bool = True
    mapped_instances: int | None = None
    initial_series: int = 0

    @property
    def may_have_been_cleared(self) -> bool:
        """Whether the task instance was cleared before this try; also true if `retries` was edited between tries."""
        return not self.is_first and self.series != self.initial_series

    @classmethod
    def from_context(cls, context: Context) -> Attempt:
        """Return the running try."""
        ti = context["ti"]
        return cls(
            series=attempt_series(context),
            clear_number=getattr(context.get("dag_run"), "clear_number", None) or 0,
            is_first=ti.try_number <= 1,
            mapped_instances=_mapped_instances(context),
            initial_series=context["task"].retries or 0,
        )


def _mapped_instances(context: Context) -> int | None:
    ti: Any = context["ti"]
    if ti.map_index is None or ti.map_index < 0:
        return None
    count: int | None = context.get("expanded_ti_count")
    if count is None and hasattr(ti, "get_ti_count"):
        count = ti.get_ti_count(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    return count


def attempt_series(context: Context) -> int:
    """Return the ID of the attempt series: equal for automatic retries, another after a clear."""
    return getattr(context["ti"], "max_tries", None) or 0


def first_try_number(context: Context) -> int:
    """Return the number of the first try since the task was last cleared; automatic retries keep it."""
    return max(1, attempt_series(context) - (context["task"].retries or 0) + 1)


def task_state_store(context: Context) -> Any:
    """Return the task state store, None before Airflow 3.3."""
    return context.get("task_state_store")
