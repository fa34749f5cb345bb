"""The sandbox's clock, which can be set, advanced and sped up."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.backend.durations import Duration, parse_duration

_KIND = "clock"
# The range of datetime, less room for the lifetimes of tokens and orders.
_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class Clock:
    """Time in UTC, initially the real time; `rate` is the number of its seconds per real second.

    Orders, tokens, SAS URLs and signed links use it. Latency faults and timeouts use real time.

        clock.advance("3d")
        clock.set(datetime(2030, 1, 1, tzinfo=UTC))
        clock.set_rate(86400)  # a day per second
    """

    def __init__(self, rate: float = 1.0, store: DocumentStore | None = None) -> None:
        self._lock = threading.Lock()
        self._store = store or DocumentStore()
        self._base = time.time()
        self._ticks = time.monotonic()
        self._rate = _check_rate(rate)
        for saved in self._store.all(_KIND):
            # The clock continues at its rate while the sandbox is not running.
            self._rate = saved["rate"]
            self._base = saved["base"] + (time.time() - saved["real"]) * self._rate
        self._origin = self._base

    @property
    def rate(self) -> float:
        """Seconds of this clock per real second."""
        return self._rate

    @property
    def elapsed_days(self) -> int:
        """Full days on this clock since it started."""
        return int((self.time() - self._origin) // 86400)

    def time(self) -> float:
        """Return seconds since 1970, like `time.time()`."""
        with self._lock:
            return self._time()

    def now(self) -> datetime:
        """Return the date and time, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, duration: Duration) -> datetime:
        """Advance the clock by a duration (`"3d"`, seconds, a timedelta) and return the new time."""
        step = parse_duration(duration)
        return self._restart(lambda now: now + step)

    def set(self, moment: datetime) -> datetime:
        """Set the clock, forward or backward, and return the new time; a naive datetime is taken as UTC."""
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return self._restart(lambda _: moment.timestamp())

    def set_rate(self, rate: float) -> datetime:
        """Set the number of seconds per real second from now on (86400: a day per second)."""
        checked = _check_rate(rate)
        return self._restart(lambda now: now, checked)

    def _restart(self, move: Callable[[float], float], rate: float | None = None) -> datetime:
        with self._lock:
            base = move(self._time())
            if not _EARLIEST.timestamp() <= base <= _LATEST.timestamp():
                raise ValueError(f"the clock must be set to a year from {_EARLIEST.year} to {_LATEST.year}")
            self._base, self._ticks = base, time.monotonic()
            self._rate = self._rate if rate is None else rate
            self._store.put(_KIND, _KIND, {"base": self._base, "real": time.time(), "rate": self._rate})
            return datetime.fromtimestamp(base, UTC)

    def _time(self) -> float:
        return self._base + (time.monotonic() - self._ticks) * self._rate


def _check_rate(rate: float) -> float:
    if not 0 <= rate <= 1e7:
        raise ValueError(f"clock rate: expected 0 to 10 million, got {rate}")
    return float(rate)
