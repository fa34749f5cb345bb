"""The sandbox's clock: it may be set, sent ahead and made to run faster, and everything in the sandbox goes by it."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from airflow_provider_ard.sandbox.backend.durations import Duration, parse_duration

_KIND = "clock"
# What datetime can hold, with room for the lives of tokens and orders.
_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class Clock:
    """Time in UTC. It starts as the real one; `rate` is how many of its seconds pass in a real second.

    Orders, tokens, SAS URLs and signed links age by it. What waits for real (latency faults, timeouts) does not.
    """

    def __init__(self, rate: float = 1.0, store: DocumentStore | None = None) -> None:
        self._lock = threading.Lock()
        self._store = store or DocumentStore()
        self._base = time.time()
        self._ticks = time.monotonic()
        self._rate = _check_rate(rate)
        for kept in self._store.all(_KIND):
            # While the sandbox was away, its time went on as it had before.
            self._rate = kept["rate"]
            self._base = kept["base"] + (time.time() - kept["real"]) * self._rate
        self._origin = self._base

    @property
    def rate(self) -> float:
        """How many of its seconds pass in a real second."""
        return self._rate

    @property
    def elapsed_days(self) -> int:
        """Whole days by this clock since it started."""
        return int((self.time() - self._origin) // 86400)

    def time(self) -> float:
        """Return seconds since 1970, like `time.time()`."""
        with self._lock:
            return self._time()

    def now(self) -> datetime:
        """Return the date and time, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, duration: Duration) -> datetime:
        """Send it ahead by a duration (`"3d"`, seconds, a timedelta), and return the new time."""
        ahead = parse_duration(duration)
        return self._start_from(lambda now: now + ahead)

    def set(self, moment: datetime) -> datetime:
        """Set it, ahead or back, and return the new time; a moment without a zone is UTC."""
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return self._start_from(lambda _: moment.timestamp())

    def set_rate(self, rate: float) -> datetime:
        """Let `rate` of its seconds pass in a real second from now on (86400: a day a second)."""
        checked = _check_rate(rate)
        return self._start_from(lambda now: now, checked)

    def _start_from(self, move: Callable[[float], float], rate: float | None = None) -> datetime:
        with self._lock:
            base = move(self._time())
            if not _EARLIEST.timestamp() <= base <= _LATEST.timestamp():
                raise ValueError(f"the clock goes from {_EARLIEST.year} to {_LATEST.year}")
            self._base, self._ticks = base, time.monotonic()
            self._rate = self._rate if rate is None else rate
            self._store.put(_KIND, _KIND, {"base": self._base, "real": time.time(), "rate": self._rate})
            return datetime.fromtimestamp(base, UTC)

    def _time(self) -> float:
        return self._base + (time.monotonic() - self._ticks) * self._rate


def _check_rate(rate: float) -> float:
    if not 0 <= rate <= 1e7:
        raise ValueError(f"the clock's rate must lie between 0 and 10 million, not {rate}")
    return float(rate)
