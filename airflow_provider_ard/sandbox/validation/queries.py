"""The `query` of a search: what is asked of each tile, by operators on its properties."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_ard.sandbox.backend.matches import PLATFORMS, Match
from airflow_provider_ard.sandbox.validation.errors import bad_request

# Of the properties that a search tells, those that are numbers and those that are text.
NUMBERS = frozenset(
    {
        "gsd",
        "epsg",
        "view:off_nadir",
        "view:azimuth",
        "view:incidence_angle",
        "view:sun_azimuth",
        "view:sun_elevation",
        "eo:cloud_cover",
        "tile:zone",
        "tile:data_area",
        "tile:clouds_percent",
        "aoi:data_percentage",
        "aoi:cloud_free_percentage",
    }
)
TEXTS = frozenset(
    {"acquisition_id", "catalog_id", "cell_id", "date", "datetime", "platform", "tile:quadkey", "image_age_category"}
)

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_IN_TEXT: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
OPERATORS = (*_COMPARE, "in", *_IN_TEXT)


@dataclass(frozen=True)
class Condition:
    """One operator on one property; tiles without the property never meet it."""

    name: str
    operator: str
    operand: Any

    def holds(self, match: Match) -> bool:
        """Whether a match meets the condition."""
        value = match.properties().get(self.name)
        if value is None:
            return False
        if self.name in TEXTS:
            value = str(value).lower()
        if self.operator == "in":
            return value in self.operand
        test = _COMPARE.get(self.operator) or _IN_TEXT[self.operator]
        return bool(test(value, self.operand))


def parse_query(query: Any) -> tuple[Condition, ...]:
    """Read `{PROPERTY: {OPERATOR: VALUE, …}, …}`, or raise a 400 that names what is wrong."""
    if query is None:
        return ()
    if not isinstance(query, dict):
        raise bad_request("query must be an object of properties")
    found = []
    for name, asked in query.items():
        if name not in NUMBERS | TEXTS:
            raise bad_request(f"query: unknown property {name}")
        if not isinstance(asked, dict) or not asked:
            raise bad_request(f"query: {name} must be an object of operators")
        for sign, operand in asked.items():
            found.append(Condition(name, sign, _operand(name, sign, operand)))
    return tuple(found)


def _operand(name: str, sign: str, operand: Any) -> Any:
    if sign not in OPERATORS or (sign in _IN_TEXT and name not in TEXTS):
        raise bad_request(f"query: {name} has no operator {sign}; there are: {', '.join(OPERATORS)}")
    if sign == "in":
        if not isinstance(operand, list):
            raise bad_request(f"query: {name}: in takes a list")
        return [_value(name, one) for one in operand]
    return _value(name, operand)


def _value(name: str, value: Any) -> Any:
    if name in TEXTS:
        if not isinstance(value, str):
            raise bad_request(f"query: {name} is compared with text")
        # Satellites go by the short names of the catalog as well.
        return PLATFORMS.get(value.upper(), value).lower() if name == "platform" else value.lower()
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise bad_request(f"query: {name} is compared with numbers")
    return value
