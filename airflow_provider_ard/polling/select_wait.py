"""`SelectWait`: the wait for a Select, the same on a worker and in the triggerer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdError, ArdSelectFailed, ArdUnavailableError
from airflow_provider_ard.polling.outage import OutageTracker
from airflow_provider_ard.polling.schedule import MIN_INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from airflow_provider_ard.api.selects.results import SelectStatus


class SelectWait:
    """A wait for a Select: handles the status of each poll and computes the delay until the next one.

        wait = SelectWait("17", poll_interval=10, deadline=time.time() + 3600, report=log_outage)
        while True:
            with wait.poll():
                wait.update(client.get_select(wait.select_id))
            if wait.is_done:
                break
            time.sleep(wait.delay())

    :param select_id: The Select's ID.
    :param poll_interval: Seconds between polls, at least 1.
    :param deadline: When to give up, in seconds since the epoch.
    :param report: Called with the first error of each outage.
    """

    def __init__(
        self, select_id: str, poll_interval: float, deadline: float, report: Callable[[ArdUnavailableError], None]
    ) -> None:
        self.select_id = select_id
        self.is_done = False
        self._poll_interval = max(MIN_INTERVAL_S, poll_interval)
        self._deadline = deadline
        self._outages = OutageTracker(report)

    def poll(self) -> AbstractContextManager[None]:
        """Return the context in which to request a status: outages, and refusals for a while, do not leave it."""
        return self._outages.tolerate()

    def update(self, select: SelectStatus) -> None:
        """Record a status.

        Raises `ArdSelectFailed` with the API's message if the Select has failed, `ArdError` if its status is
        undocumented, `ArdUnavailableError` if the response contains none.
        """
        from airflow_provider_ard.api.orders.status import State

        if not select.status:
            raise ArdUnavailableError(f"Select {self.select_id}: the response contains no status")
        if select.state is State.FAILED:
            raise ArdSelectFailed(f"Select {self.select_id} failed: {select.reason}")
        if select.state is State.UNKNOWN:
            raise ArdError(f"Select {self.select_id}: undocumented status {select.status!r}")
        self.is_done = select.state is State.SUCCEEDED

    def delay(self) -> float:
        """Return the seconds until the next poll. Raises `ArdError` if the deadline has passed."""
        remaining = self._deadline - time.time()
        if remaining <= 0:
            outage = f" ({self._outages.error})" if self._outages.error else ""
            raise ArdError(f"Select {self.select_id} did not finish in time; a retry waits for the same Select{outage}")
        return min(self._outages.delay(self._poll_interval), remaining)
