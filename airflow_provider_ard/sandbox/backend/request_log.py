"""Log of received requests, for assertions in tests."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

MAX_RECORDS = 100_000
REDACTED = "***"


@dataclass(eq=False)
class RequestRecord:
    """One request.

    `path` is the path as received; `endpoint` is `"METHOD /path"` below `/api/v1`, as in fault rules. `body` is the
    JSON document or the form fields, else None. `status` is that of the response, None if none was sent; `seconds`
    is the time to the response, `faults` are the kinds of fault that fired.
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
        """Whether an order request is a dry run; None for other requests."""
        if self.endpoint != "POST /order":
            return None
        return isinstance(self.body, dict) and self.body.get("dry_run") is True


class RequestLog:
    """The most recent requests, oldest first."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=MAX_RECORDS)
        self._lock = threading.Lock()

    def add(self, record: RequestRecord) -> None:
        """Add a request."""
        with self._lock:
            self._records.append(record)

    def all(self) -> list[RequestRecord]:
        """Return the recorded requests."""
        with self._lock:
            return list(self._records)


def parse_body(body: bytes, content_type: str) -> Any:
    """Return the JSON document or the form fields of a body, else None."""
    if "form" in content_type:
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    try:
        return json.loads(body)
    except ValueError:
        return None
