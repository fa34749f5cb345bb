"""`ArdBudgetTrigger` waits in the triggerer until a budget may have room."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_ard.polling.events import succeeded_event
from airflow_provider_ard.polling.stored_arguments import ignore_unknown_arguments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Sleeps are this short, so that a clock that is set, or a suspended machine, does not prolong the wait.
LONGEST_SLEEP_S = 60.0


class ArdBudgetTrigger(BaseTrigger):
    """Wait until a time; sends no requests.

        self.defer(trigger=ArdBudgetTrigger(resume_at=time.time() + 3600), method_name="execute_after_wait")

    Fires one event, `{"status": "succeeded"}`.

    :param resume_at: When to resume the task, in seconds since the epoch.
    :param unknown: Arguments that another version of this package stored; ignored with a warning.
    """

    def __init__(self, resume_at: float, **unknown: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # of Airflow
        ignore_unknown_arguments(type(self).__name__, unknown)
        self.resume_at = resume_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger as plain JSON without secrets."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"resume_at": self.resume_at}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the event that ends the wait."""
        while (remaining := self.resume_at - time.time()) > 0:  # noqa: ASYNC110 -- waits for a time, not an event
            await asyncio.sleep(min(remaining, LONGEST_SLEEP_S))
        yield TriggerEvent(succeeded_event())
