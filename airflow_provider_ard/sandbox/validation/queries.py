"""The `query` of a search: conditions on the properties of tiles."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_ard.sandbox.backend.matches import PLATFORMS, Match
from airflow_provider_ard.sandbox.validation.errors import bad_request

# Numeric and string properties of tiles.
NUMERIC_PROPERTIES = frozenset(
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
STRING_PROPERTIES = frozenset(
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
_STRING_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
OPERATORS = (*_COMPARE, "in", *_STRING_OPERATORS)


@dataclass(frozen=True)
class Condition:
    """One operator on one property; tiles without the property never match."""

    name: str
    operator: str
    operand: Any

    def matches(self, match: Match) -> bool:
        """Whether a tile meets the condition."""
        value = match.properties().get(self.name)
        if value is None:
            return False
        if self.name in STRING_PROPERTIES:
            value = str(value).lower()
        if self.operator == "in":
            return value in self.operand
        test = _COMPARE.get(self.operator) or _STRING_OPERATORS[self.operator]
        return bool(test(value, self.operand))


def parse_query(query: Any) -> tuple[Condition, ...]:
    """Parse `{PROPERTY: {OPERATOR: VALUE, …}, …}`; raises a 400."""
    if query is None:
        return ()
    if not isinstance(query, dict):
        raise bad_request("query must be an object of properties")
    conditions = []
    for name, operators in query.items():
        if name not in NUMERIC_PROPERTIES | STRING_PROPERTIES:
            raise bad_request(f"query: unknown property {name}")
        if not isinstance(operators, dict) or not operators:
            raise bad_request(f"query: {name} must be an object of operators")
        for operator_name, operand in operators.items():
            conditions.append(Condition(name, operator_name, _operand(name, operator_name, operand)))
    return tuple(conditions)


def _operand(name: str, operator_name: str, operand: Any) -> Any:
    if operator_name not in OPERATORS or (operator_name in _STRING_OPERATORS and name not in STRING_PROPERTIES):
        raise bad_request(f"query: {name} has no operator {operator_name}; use one of {', '.join(OPERATORS)}")
    if operator_name == "in":
        if not isinstance(operand, list):
            raise bad_request(f"query: {name}: in requires a list")
        return [_value(name, item) for item in operand]
    return _value(name, operand)


def _value(name: str, value: Any) -> Any:
    if name in STRING_PROPERTIES:
        if not isinstance(value, str):
            raise bad_request(f"query: {name} requires a string")
        # The short platform names of the catalog are accepted as well.
        return PLATFORMS.get(value.upper(), value).lower() if name == "platform" else value.lower()
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise bad_request(f"query: {name} requires a number")
    return value
