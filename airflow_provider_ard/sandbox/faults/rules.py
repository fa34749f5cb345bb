"""Fault rules: which requests a fault affects, and when."""

import json
import re
import threading
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from airflow_provider_ard.sandbox.backend.durations import Duration, parse_duration
from airflow_provider_ard.sandbox.faults.json_path import Path, parse_path
from airflow_provider_ard.sandbox.faults.kinds import KINDS

_INTEGERS = ("nth", "times", "status", "retry_after")
_BOOLEANS = ("dry_run", "accept")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")


@dataclass
class Rule:
    """One fault rule: `kind` is the fault, the next fields select requests, the others are options of the kind.

    endpoint: `"METHOD /path"` below `/api/v1` without a trailing slash, `*` is a wildcard (`"GET /order/status/*"`);
        None matches every request.
    dry_run: match only dry runs or only real orders.
    nth: fire from the Nth matching request on; the first after the rule was added is 1.
    times: number of requests to fire on. Defaults to 1 with `nth` alone, else to no limit.
    probability: of firing, 0 to 1; each rule has its own random numbers, derived from the seed.

    The options of each kind are in `airflow_provider_ard.sandbox.faults.kinds.KINDS`. `id` counts rules from 1,
    `matched` and `fired` count requests.
    """

    kind: str
    endpoint: str | None = None
    nth: int | None = None
    times: int | None = None
    probability: float | None = None
    dry_run: bool | None = None
    status: int | None = None
    retry_after: int | None = None
    seconds: Duration | None = None
    message: str | None = None
    final_status: str | None = None
    location: str | None = None
    body: str | bytes | None = None
    content_type: str | None = None
    headers: dict[str, str] | None = None
    accept: bool | None = None
    path: str | None = None
    value: Any = None
    asset: str | None = None
    id: int = field(default=0, init=False)
    matched: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid rule."""
        if self.kind not in KINDS:
            raise ValueError(f"kind: unknown fault {self.kind!r}; use one of {', '.join(KINDS)}")
        self._check_options()
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(f"probability: expected 0 to 1, got {self.probability}")
        if (self.nth is not None and self.nth < 1) or (self.times is not None and self.times < 1):
            raise ValueError("nth and times: expected 1 or more")
        if self.nth is not None and self.times is None and self.probability is None:
            self.times = 1
        kind = KINDS[self.kind]
        self.endpoint = self.endpoint or kind.endpoint
        if kind.dry_run is not None:
            self.dry_run = kind.dry_run
        if self.endpoint is not None:
            method, _, path = self.endpoint.strip().partition(" ")
            if not path.strip().startswith(("/", "*")):
                raise ValueError(f"endpoint: expected METHOD /path such as POST /order, got {self.endpoint!r}")
            self.endpoint = f"{method.upper()} {path.strip().rstrip('/') or '/'}"

    @property
    def duration(self) -> float:
        """The option `seconds` in seconds, default 1."""
        return 1.0 if self.seconds is None else parse_duration(self.seconds)

    @property
    def steps(self) -> Path:
        """The option `path`, parsed."""
        return parse_path(self.path or "$")

    def matches(self, endpoint: str, dry_run: bool | None) -> bool:
        """Return whether the rule applies to a request."""
        if self.dry_run is not None and self.dry_run != dry_run:
            return False
        return self.endpoint is None or fnmatchcase(endpoint, self.endpoint)

    def _check_options(self) -> None:
        options = KINDS[self.kind].options
        unused = sorted(name for name in OPTIONS if getattr(self, name) is not None and name not in options)
        if unused:
            usable = ", ".join(options) or "none"
            raise ValueError(f"{', '.join(unused)}: not an option of the fault {self.kind!r}; its options: {usable}")
        if self.seconds is not None:
            self.seconds = parse_duration(self.seconds)
        if "path" in options:
            if self.path is None:
                raise ValueError(f"path: required by the fault {self.kind!r}")
            parse_path(self.path)
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"status: expected 200 to 599, got {self.status}")
        headers = {"location": self.location or "", "content-type": self.content_type or "", **(self.headers or {})}
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"headers: invalid header {name}")


OPTIONS = (
    "status",
    "retry_after",
    "seconds",
    "message",
    "final_status",
    "location",
    "body",
    "content_type",
    "headers",
    "accept",
    "path",
    "value",
    "asset",
)


@dataclass(frozen=True)
class FiredFault:
    """One time that a rule fired."""

    rule: Rule
    endpoint: str
    time: datetime


class Faults:
    """The active fault rules, in the order of their addition.

        ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
        ard.faults.add("GET /order", kind="status", status=503, probability=0.2)

    `fired` lists every fault that has fired.
    """

    def __init__(self, seed: int = 0) -> None:
        self.fired: list[FiredFault] = []
        self._rules: list[Rule] = []
        self._seed = seed
        self._added = 0
        self._randoms: dict[int, Random] = {}
        self._lock = threading.Lock()

    def add(self, endpoint: str | None = None, *, kind: str, **options: Any) -> Rule:
        """Add a rule and return it; `options` are the fields of `Rule`. Raises ValueError for an invalid rule."""
        rule = Rule(kind, endpoint, **options)
        with self._lock:
            self._added += 1
            rule.id = self._added
            self._randoms[rule.id] = Random(f"fault {self._added} {self._seed}")  # noqa: S311 - reproducible
            self._rules.append(rule)
        return rule

    def all(self) -> list[Rule]:
        """Return the active rules."""
        with self._lock:
            return list(self._rules)

    def remove(self, rule: Rule) -> None:
        """Remove a rule."""
        with self._lock:
            self._rules.remove(rule)

    def clear(self) -> None:
        """Remove every rule; `fired` is kept."""
        with self._lock:
            self._rules.clear()

    def fire(self, endpoint: str, dry_run: bool | None) -> list[Rule]:
        """Return the rules that fire on a request, and record them."""
        with self._lock:
            rules = [rule for rule in self._rules if rule.matches(endpoint, dry_run) and self._is_due(rule)]
            self.fired += [FiredFault(rule, endpoint, datetime.now(UTC)) for rule in rules]
        return rules

    def _is_due(self, rule: Rule) -> bool:
        rule.matched += 1
        if rule.matched < (rule.nth or 1) or (rule.times is not None and rule.fired >= rule.times):
            return False
        if rule.probability is not None and self._randoms[rule.id].random() >= rule.probability:
            return False
        rule.fired += 1
        return True


def parse_rule(text: str) -> dict[str, Any]:
    """Return the options of a rule such as `kind=status,endpoint=POST /order,status=503`; raises ValueError.

    `value` is JSON, or a string if it is not; commas within values are allowed.
    """
    options: dict[str, Any] = {}
    names = {item.name for item in fields(Rule) if item.init} - {"headers"}
    for part in re.split(r",(?=\s*[a-z_]+\s*=)", text):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in names:
            raise ValueError(f"fault: expected key=value with a key of {', '.join(sorted(names))}, got {part!r}")
        options[name] = _parse_option(name, value)
    if "kind" not in options:
        raise ValueError(f"fault: kind= is required, one of {', '.join(KINDS)}")
    return options


def _parse_option(name: str, value: str) -> Any:
    if name in _INTEGERS:
        return int(value)
    if name == "probability":
        return float(value)
    if name in _BOOLEANS:
        return value.lower() in ("true", "1", "yes")
    if name == "value":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
