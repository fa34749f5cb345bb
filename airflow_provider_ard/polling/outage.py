"""`OutageTracker`: outage handling shared by all polling loops."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError
from airflow_provider_ard.api.refusal import Refusal, as_outage, is_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The longest pause of the jittered backoff: full jitter over 1, 2, 4, … seconds up to this.
MAX_BACKOFF_S = 60.0
# The longest `Retry-After` that is honored; after it, the next poll shows whether the API is back.
MAX_RETRY_AFTER_S = 900.0


class OutageTracker:
    """The outage state of one polling loop: reports each outage once and computes the delay before the next poll.

        outages = OutageTracker(lambda error: log.warning("Polling failed, will retry: %s", error))
        while not is_done:
            with outages.tolerate():
                is_done = poll()
            sleep(outages.delay(interval))

    The caller polls and sleeps, so the same class serves threads and event loops. A refusal of the API counts as an
    outage until it has lasted for a while (`Refusal`).

    :param report: Called with the first error of each outage.
    :param in_outage: Whether an outage has been reported and has not ended, for a loop that is resumed.
    :param is_tolerated: Which errors count as an outage for a while; by default every refusal of the API.
    """

    def __init__(
        self,
        report: Callable[[ArdUnavailableError], None],
        *,
        in_outage: bool = False,
        is_tolerated: Callable[[ArdError], bool] = is_refusal,
    ) -> None:
        self.in_outage = in_outage
        self._is_tolerated = is_tolerated
        # The error that was reported for the current outage.
        self.error: ArdUnavailableError | None = None
        self._report = report
        self._failures = 0
        self._retry_after: float | None = None
        self._refusal: Refusal | None = None
        # Whether the last poll was refused.
        self.is_refused = False

    @contextmanager
    def tolerate(self) -> Iterator[None]:
        """Record the outcome of the poll made in this block; suppress outages, and refusals for a while."""
        self._retry_after = None
        try:
            yield
        except ArdUnavailableError as error:
            self.poll_failed(error)
        except ArdError as error:
            self.poll_refused(error)
        else:
            self.poll_succeeded()

    def poll_failed(self, error: ArdUnavailableError, *, is_new: bool = True) -> None:
        """Record a failed poll, and report it if it begins an outage.

        `is_new`: False if the caller has already reported it.
        """
        self._failures += 1
        self._retry_after = None if error.retry_after is None else min(error.retry_after, MAX_RETRY_AFTER_S)
        self.is_refused = False
        if is_new and not self.in_outage:
            self.in_outage, self.error = True, error
            self._report(error)

    def poll_refused(self, error: ArdError) -> None:
        """Record a poll that the API has refused. Raises the error if it ends the wait."""
        if not self._is_tolerated(error):
            raise error
        self._refusal = self._refusal or Refusal()
        self._refusal.repeat()
        if self._refusal.is_final:
            raise error
        self.poll_failed(as_outage(error))
        self.is_refused = True

    def poll_succeeded(self) -> None:
        """Record a response of the API: the next outage is reported again."""
        self.in_outage, self.error = False, None
        self._failures, self._retry_after = 0, None
        self._refusal, self.is_refused = None, False

    @property
    def retry_after(self) -> float | None:
        """Seconds that the API asked for in the last response (`Retry-After`, at most 15 minutes), None without one."""
        return self._retry_after

    def delay(self, interval: float) -> float:
        """Return the seconds until the next poll: `interval`, or longer after a `Retry-After` or a refusal.

        A refused login is repeated ever more slowly: accounts may be locked after many wrong passwords.
        """
        return max(interval, self._retry_after or 0.0, self._longest_backoff() if self.is_refused else 0.0)

    def backoff(self) -> float:
        """Return the seconds to send no requests: 0 if the API responded, else `Retry-After` or a jittered backoff."""
        if not self._failures:
            return 0.0
        if self._retry_after is not None:
            return self._retry_after
        return random.uniform(0, self._longest_backoff())  # noqa: S311 -- jitter

    def _longest_backoff(self) -> float:
        return min(MAX_BACKOFF_S, 2.0 ** min(self._failures - 1, 10))
