"""Faults on demand: rules that say which request goes wrong, when, and how."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from airflow_provider_ard.sandbox.backend.durations import Duration, parse_duration

KINDS: Mapping[str, str] = {
    "status": "answer with an error status (status=, message=, retry_after=) in place of the real answer",
    "gateway_html": "answer with a gateway's HTML page (status=, 502 by default)",
    "latency": "wait (seconds=) and then answer as usual",
    "reset_before_accept": "cut the TCP connection before anything is done",
    "reset_after_accept": "do what was asked, then cut the TCP connection instead of answering",
    "error_after_accept": "do what was asked, then answer with an error status (status=, 500 by default)",
    "expire_token": "end the access token that came with the request, so that it gets a 401",
    "revoke_refresh_token": "end every refresh token, then answer as usual",
    "fail_order": "accept the order; it will end as final_status= (FAILED by default) with message=",
    "fail_select": "accept the Select; it will end as final_status= (FAILED by default) with message=",
    "stuck_order": "accept the order; it will stay RUNNING for ever",
    "empty_page": 'answer {"data": [], "has_more": true}',
}
_ORDER_KINDS = ("fail_order", "stuck_order")
_SELECT_KINDS = ("fail_select",)


@dataclass
class Rule:
    """One fault: which requests, when among them, and what happens.

    `endpoint` is `"METHOD /path"` below `/api/v1` without a closing slash, with `*` as a wildcard
    (`"GET /order/status/*"`); None is every request. `dry_run` narrows orders to dry runs or to real ones.
    Among the matching requests the rule fires from the `nth` on (1 is the first after the rule was added), for
    `times` requests: once if `nth` alone is given, without end if neither is. `share` (0 to 1) makes
    each firing a matter of chance; rules draw from a seed of their own, so that one does not disturb another.
    `id` counts rules from 1, `matched` and `fired` the requests that it spoke of and hit.
    """

    kind: str
    endpoint: str | None = None
    nth: int | None = None
    times: int | None = None
    share: float | None = None
    dry_run: bool | None = None
    status: int | None = None
    retry_after: int | None = None
    seconds: Duration = 1.0
    message: str | None = None
    final_status: str = "FAILED"
    id: int = field(default=0, init=False)
    matched: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Raise ValueError for a rule that makes no sense, rather than let it never fire."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; there are: {', '.join(KINDS)}")
        if self.share is not None and not 0 <= self.share <= 1:
            raise ValueError(f"share must lie between 0 and 1, not {self.share}")
        if (self.nth is not None and self.nth < 1) or (self.times is not None and self.times < 1):
            raise ValueError("nth and times count from 1")
        if self.nth is not None and self.times is None and self.share is None:
            self.times = 1
        if self.kind in _ORDER_KINDS:
            self.endpoint = self.endpoint or "POST /order"
            self.dry_run = False
        if self.kind in _SELECT_KINDS:
            self.endpoint = self.endpoint or "POST /select"
        if self.endpoint is not None:
            method, _, path = self.endpoint.strip().partition(" ")
            if not path.strip().startswith(("/", "*")):
                raise ValueError(f"endpoint must be like 'POST /order', not {self.endpoint!r}")
            self.endpoint = f"{method.upper()} {path.strip().rstrip('/') or '/'}"
        self.seconds = parse_duration(self.seconds)

    def matches(self, endpoint: str, dry_run: bool | None) -> bool:
        """Whether a request is one of those the rule speaks of."""
        if self.dry_run is not None and self.dry_run != dry_run:
            return False
        return self.endpoint is None or fnmatchcase(endpoint, self.endpoint)


@dataclass(frozen=True)
class FiredFault:
    """One time that a rule fired."""

    rule: Rule
    endpoint: str
    time: datetime


class Faults:
    """The rules in force, in the order they were added, and a record of every firing."""

    def __init__(self, seed: int = 0) -> None:
        self.fired: list[FiredFault] = []
        self._rules: list[Rule] = []
        self._seed = seed
        self._added = 0
        self._randoms: dict[int, Random] = {}
        self._lock = threading.Lock()

    def add(self, endpoint: str | None = None, *, kind: str, **options: Any) -> Rule:
        """Put a rule in force and return it; its options are the fields of Rule."""
        rule = Rule(kind, endpoint, **options)
        with self._lock:
            self._added += 1
            rule.id = self._added
            self._randoms[rule.id] = Random(f"fault {self._added} {self._seed}")  # noqa: S311 - wanted again
            self._rules.append(rule)
        return rule

    def all(self) -> list[Rule]:
        """Return the rules in force."""
        with self._lock:
            return list(self._rules)

    def remove(self, rule: Rule) -> None:
        """Take one rule out of force."""
        with self._lock:
            self._rules.remove(rule)

    def clear(self) -> None:
        """Take every rule out of force; the record of firings stays."""
        with self._lock:
            self._rules.clear()

    def fire(self, endpoint: str, dry_run: bool | None) -> list[Rule]:
        """Return the rules that fire on a request, and record them."""
        with self._lock:
            firing = [rule for rule in self._rules if rule.matches(endpoint, dry_run) and self._due(rule)]
            self.fired += [FiredFault(rule, endpoint, datetime.now(UTC)) for rule in firing]
        return firing

    def _due(self, rule: Rule) -> bool:
        rule.matched += 1
        if rule.matched < (rule.nth or 1) or (rule.times is not None and rule.fired >= rule.times):
            return False
        if rule.share is not None and self._randoms[rule.id].random() >= rule.share:
            return False
        rule.fired += 1
        return True


def parse_rule(text: str) -> dict[str, Any]:
    """Return the options of a rule written as `kind=status,endpoint=POST /order,status=503`."""
    options: dict[str, Any] = {}
    known = {item.name for item in fields(Rule) if item.init}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or key not in known:
            raise ValueError(f"{part!r} is not key=value with a key of {', '.join(sorted(known))}")
        if key in ("nth", "times", "status", "retry_after"):
            options[key] = int(value)
        elif key == "share":
            options[key] = float(value)
        elif key == "dry_run":
            options[key] = value.lower() in ("true", "1", "yes")
        else:
            options[key] = value
    if "kind" not in options:
        raise ValueError(f"a fault needs kind=, one of {', '.join(KINDS)}")
    return options
