"""`PollSchedule`: when to poll."""

from __future__ import annotations

from dataclasses import dataclass

MIN_INTERVAL_S = 1.0
# The longest interval of exponential backoff without a `max_wait`.
MAX_BACKOFF_INTERVAL_S = 3600.0


@dataclass(slots=True)
class PollSchedule:
    """Poll every `interval` seconds, or with `exponential_backoff` at doubling intervals up to `max_wait`.

        schedule = PollSchedule(60.0)
        next_poll_at = schedule.next_poll_at(time.monotonic(), origin=started_at)

    Intervals are in seconds, at least `MIN_INTERVAL_S`.
    """

    interval: float
    exponential_backoff: bool = False
    max_wait: float | None = None

    def __post_init__(self) -> None:
        self.interval = max(MIN_INTERVAL_S, self.interval)

    def next_poll_at(self, now: float, origin: float) -> float:
        """Return when to poll next, at most one interval after `now`; all in seconds of the same clock.

        Polls lie on a grid that starts at `origin`, so schedules of the same interval share their requests.
        """
        return now + self.interval - (now - origin) % self.interval

    def back_off(self) -> None:
        """Double the interval if the schedule uses exponential backoff; call it after each poll."""
        if self.exponential_backoff:
            longest = self.max_wait or max(MAX_BACKOFF_INTERVAL_S, self.interval)
            self.interval = min(longest, 2 * self.interval)
