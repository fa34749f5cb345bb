"""Parse durations: `"0.2s"`, `"3m"`, `"12h"`, `"3d"`, seconds, or a timedelta."""

import re
from datetime import timedelta

Duration = str | float | timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")


def parse_duration(duration: Duration) -> float:
    """Return a duration in seconds; a number without a unit is in seconds.

    Raises ValueError for anything else and for a negative duration.
    """
    if isinstance(duration, timedelta):
        value = duration.total_seconds()
    elif isinstance(duration, str):
        match = _PATTERN.fullmatch(duration.strip())
        if match is None:
            raise ValueError(f"{duration!r} is not a duration; write 0.2s, 20s, 3m, 12h or 3d")
        value = float(match[1]) * _UNITS[match[2] or "s"]
    else:
        value = float(duration)
    if value < 0:
        raise ValueError(f"a duration cannot be negative: {duration!r}")
    return value
