"""Replaces `time.sleep`, which fails under Debian's libfaketime: its `clock_nanosleep` returns EINVAL."""

import select
import time


def sleep(seconds: float, /) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select((), (), (), seconds)


time.sleep = sleep
