"""A record of every request received, for tests to look at afterwards."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

KEPT = 100_000
REDACTED = "***"


@dataclass(eq=False)
class RequestRecord:
    """One request. `path` is as received; `endpoint` is `"METHOD /path"` below `/api/v1`, as faults name it.

    `body` is the JSON document or the form fields, None if there is neither. `status` is that of the answer,
    None if none was sent. `seconds` is how long the answer took, `faults` the kinds that fired.
    """

    method: str
    path: str
    endpoint: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    time: datetime
    status: int | None = None
    seconds: float | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def dry_run(self) -> bool | None:
        """Whether an order is a dry run; None for what is no order."""
        if self.endpoint != "POST /order":
            return None
        return isinstance(self.body, dict) and self.body.get("dry_run") is True


class RequestLog:
    """The last requests received, oldest first."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, record: RequestRecord) -> None:
        """Write a request down."""
        with self._lock:
            self._records.append(record)

    def all(self) -> list[RequestRecord]:
        """Return the requests received so far."""
        with self._lock:
            return list(self._records)


def parse_body(body: bytes, content_type: str) -> Any:
    """Return the JSON document or the form fields of a body, or None."""
    if "form" in content_type:
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    try:
        return json.loads(body)
    except ValueError:
        return None
