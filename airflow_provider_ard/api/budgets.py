"""Budgets: the cost and area of all orders in a period. Imports nothing heavy, as DAG files load it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_ard.api.arguments import (
    did_you_mean,
    none_if_blank,
    parse_limit,
    parse_literal,
    reject_blank,
    safe_repr,
    to_list,
)
from airflow_provider_ard.api.errors import ArdRequestError

DAG_SCOPE, ACCOUNT_SCOPE, TAG_PREFIX = "dag", "account", "tag:"
UNITS = ("cost", "area_sqkm")
_KEYS = (*UNITS, "per", "scope", "pool")
_CALENDAR_PERIODS = ("day", "month", "year")
_DURATION = re.compile(r"([0-9]{1,6})\s*([mhdw])")
_UNIT_NAMES = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=366)
_EXPECTED_PER = "expected day, month, year, or a duration up to 366d such as 7d or 12h"
_EXPECTED = 'a budget like {"cost": 5000, "per": "month"}, or a list of them'


@dataclass(frozen=True)
class Budget:
    """The maximum cost and area of all orders in a period.

        Budget(cost=5000.0, per="month").window_start(datetime.now(UTC))

    `cost` in the account's currency, `area_sqkm` in km²; None is no limit. `per`: `day`, `month` or `year` (calendar
    periods in UTC), or a rolling window such as `7d` or `12h`. `scope`: `dag`, `account` or `tag:NAME`. `pool`: the
    Airflow pool in which all tasks that share the budget have to run, None for any. `argument`: its name in messages.
    """

    cost: float | None = None
    area_sqkm: float | None = None
    per: str = "month"
    scope: str = DAG_SCOPE
    pool: str | None = None
    argument: str = "budget"

    @property
    def tag(self) -> str | None:
        """The metadata name whose value the orders of this budget share, None for other scopes."""
        return self.scope.removeprefix(TAG_PREFIX) if self.scope.startswith(TAG_PREFIX) else None

    @property
    def rolling_window(self) -> timedelta | None:
        """The length of a rolling window, None for a calendar period."""
        return None if self.per in _CALENDAR_PERIODS else _duration(self.per)

    def limit(self, unit: str) -> float | None:
        """Return the limit of `cost` or `area_sqkm`, None without one."""
        limit: float | None = getattr(self, unit)
        return limit

    def window_start(self, now: datetime) -> datetime:
        """Return when the period that includes `now` began: orders placed since then count."""
        if (window := self.rolling_window) is not None:
            return now - window
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self.per == "day":
            return midnight
        return midnight.replace(day=1) if self.per == "month" else midnight.replace(month=1, day=1)

    def window_end(self, now: datetime) -> datetime | None:
        """Return when the next calendar period begins, None for a rolling window."""
        start = self.window_start(now)
        if self.rolling_window is not None:
            return None
        longest = {"day": 1, "month": 31, "year": 366}[self.per]
        return self.window_start(start + timedelta(days=longest, hours=1))

    def to_dict(self) -> dict[str, Any]:
        """Return the budget as it is written in a DAG, without what is not set."""
        return {key: value for key in _KEYS if (value := getattr(self, key)) is not None}


def parse_budgets(value: object, *, argument: str = "budget", default_scope: str = DAG_SCOPE) -> tuple[Budget, ...]:
    """Return the budgets from a dictionary such as `{"cost": 5000, "per": "month"}`, a list of them, or JSON.

        parse_budgets([{"cost": 5000, "per": "month"}, {"area_sqkm": 200, "per": "7d", "scope": "account"}])

    Raises `ArdRequestError`, which names the argument, for anything else and for an empty value.
    """
    literal = parse_literal(reject_blank(value, argument))
    items = [literal] if isinstance(literal, Mapping) else to_list(literal, argument, _EXPECTED)
    if not items:
        raise ArdRequestError("is an empty list; omit the argument to set no limit", argument=argument)
    return tuple(_parse_budget(item, argument, default_scope) for item in items)


def _parse_budget(value: object, argument: str, default_scope: str) -> Budget:
    value = parse_literal(value)
    if not isinstance(value, Mapping):
        raise ArdRequestError(f"expected {_EXPECTED}, got {safe_repr(value)}", argument=argument)
    for key in value:
        if key not in _KEYS:
            raise ArdRequestError(f"unknown key {safe_repr(key)}{did_you_mean(key, _KEYS)}", argument=argument)
    if not value.keys() & set(UNITS):
        raise ArdRequestError("has no limit; set cost (in the account's currency) or area_sqkm", argument=argument)
    limits = {unit: parse_limit(value[unit], argument) for unit in UNITS if unit in value}
    if "per" not in value:
        raise ArdRequestError(f"has no per; {_EXPECTED_PER}", argument=argument)
    return Budget(
        **limits,
        per=_parse_per(value["per"], argument),
        scope=_parse_scope(value.get("scope", default_scope), argument),
        pool=_parse_pool(value["pool"], argument) if "pool" in value else None,
        argument=argument,
    )


def _parse_per(value: object, argument: str) -> str:
    if isinstance(value, timedelta):
        minutes, remainder = divmod(value, timedelta(minutes=1))
        value = f"{minutes}m" if not remainder else repr(value)
    per = str(value).strip().lower()
    if per not in _CALENDAR_PERIODS and not timedelta() < _duration(per) <= _LONGEST:
        raise ArdRequestError(f"per: {_EXPECTED_PER}, got {safe_repr(value)}", argument=argument)
    return per


def _duration(text: str) -> timedelta:
    """Return the duration in a text such as `7d`, 0 for any other text."""
    match = _DURATION.fullmatch(text)
    return timedelta(**{_UNIT_NAMES[match[2]]: int(match[1])}) if match else timedelta()


def _parse_scope(value: object, argument: str) -> str:
    scope = str(value).strip()
    if scope in (DAG_SCOPE, ACCOUNT_SCOPE) or (scope.startswith(TAG_PREFIX) and scope.removeprefix(TAG_PREFIX).strip()):
        return scope
    raise ArdRequestError(
        f"scope: expected dag, account or tag:NAME (a name in the order's metadata), got {safe_repr(value)}",
        argument=argument,
    )


def _parse_pool(value: object, argument: str) -> str:
    if not isinstance(value, str) or none_if_blank(value) is None:
        raise ArdRequestError(f"pool: expected the name of an Airflow pool, got {safe_repr(value)}", argument=argument)
    return value.strip()
