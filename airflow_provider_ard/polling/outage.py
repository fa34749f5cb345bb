"""`OutageTracker`: outage handling shared by all polling loops."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The longest pause of the jittered backoff: full jitter over 1, 2, 4, … seconds up to this.
MAX_BACKOFF_S = 60.0


class OutageTracker:
    """The outage state of one polling loop: reports each outage once and computes the delay before the next poll.

        outages = OutageTracker(lambda error: log.warning("Polling failed, will retry: %s", error))
        while not is_done:
            with outages.tolerate():
                is_done = poll()
            sleep(outages.delay(interval))

    The caller polls and sleeps, so the same class serves threads and event loops.

    :param report: Called with the first error of each outage.
    :param in_outage: Whether an outage has been reported and has not ended, for a loop that is resumed.
    """

    def __init__(self, report: Callable[[ArdUnavailableError], None], *, in_outage: bool = False) -> None:
        self.in_outage = in_outage
        # The error that was reported for the current outage.
        self.error: ArdUnavailableError | None = None
        self._report = report
        self._failures = 0
        self._retry_after: float | None = None

    @contextmanager
    def tolerate(self) -> Iterator[None]:
        """Record the outcome of the poll made in this block; suppress `ArdUnavailableError` and no other error."""
        self._retry_after = None
        try:
            yield
        except ArdUnavailableError as error:
            self.poll_failed(error)
        else:
            self.poll_succeeded()

    def poll_failed(self, error: ArdUnavailableError, *, is_new: bool = True) -> None:
        """Record a failed poll, and report it if it begins an outage.

        `is_new`: False if the caller has already reported it.
        """
        self._failures += 1
        self._retry_after = error.retry_after
        if is_new and not self.in_outage:
            self.in_outage, self.error = True, error
            self._report(error)

    def poll_succeeded(self) -> None:
        """Record a response of the API: the next outage is reported again."""
        self.in_outage, self.error = False, None
        self._failures, self._retry_after = 0, None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the API asked for in the last response (`Retry-After`), None if it did not."""
        return self._retry_after

    def delay(self, interval: float) -> float:
        """Return the seconds until the next poll: `interval`, or longer if the API sent a `Retry-After`."""
        return max(interval, self._retry_after or 0.0)

    def backoff(self) -> float:
        """Return the seconds to send no requests: 0 if the API responded, else `Retry-After` or a jittered backoff."""
        if not self._failures:
            return 0.0
        if self._retry_after is not None:
            return self._retry_after
        longest = min(MAX_BACKOFF_S, 2.0 ** min(self._failures - 1, 10))
        return random.uniform(0, longest)  # noqa: S311 -- jitter
