"""Limit the total time of requests: the timeout of a socket only limits the time between two bytes."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_deadline: ContextVar[float] = ContextVar("ard_deadline", default=math.inf)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit the total time of all requests in a block, including logins. A limit around the block applies as well.

        with time_limit(30):
            orders = list(client.single_attempt().list_orders())

    A request that takes longer raises `ArdUnavailableError`. Pauses between the attempts of a client are not limited.
    """
    token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float:
    """Return the seconds until the limit, infinity without one. Raises TimeoutError if none are left."""
    seconds = _deadline.get() - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time limit has passed")
    return seconds
