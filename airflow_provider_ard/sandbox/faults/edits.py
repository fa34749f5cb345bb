"""Kinds of fault that edit the JSON in responses of the API."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_ard.sandbox.faults import json_path
from airflow_provider_ard.sandbox.faults.base import FaultKind
from airflow_provider_ard.sandbox.faults.exchange import Exchange

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.faults.rules import Rule

_PATH = {"path": "JSON path such as data[*].id; $ is the document"}


class JsonEdit(FaultKind):
    """An edit of the JSON document in a successful response of the API."""

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:
        response = exchange.response
        if response is None or not 200 <= response.status < 300:
            return
        try:
            document = json.loads(response.body)
        except ValueError:
            return
        response.body = json.dumps(self.edit(document, rule)).encode()

    def edit(self, document: Any, rule: "Rule") -> Any:
        """Return the changed document."""
        raise NotImplementedError


class SetJson(JsonEdit):
    """Value at a JSON path."""

    summary = "set a value in the JSON of the response"
    options: ClassVar = {**_PATH, "value": "JSON value, default null"}

    def edit(self, document: Any, rule: "Rule") -> Any:
        return json_path.set_value(document, rule.steps, rule.value)


class DropJson(JsonEdit):
    """Missing key at a JSON path."""

    summary = "remove a key or list item from the JSON of the response"
    options = _PATH

    def edit(self, document: Any, rule: "Rule") -> Any:
        return json_path.drop_value(document, rule.steps)


class RenameJson(JsonEdit):
    """Renamed key at a JSON path."""

    summary = "rename a key in the JSON of the response"
    options: ClassVar = {**_PATH, "value": "new name of the key"}

    def edit(self, document: Any, rule: "Rule") -> Any:
        return json_path.rename_key(document, rule.steps, str(rule.value))


class MetadataEdit(JsonEdit):
    """An edit of the metadata of every order in a list or status response."""

    endpoint = "GET /order*"

    def edit(self, document: Any, rule: "Rule") -> Any:
        for row in _order_rows(document):
            self.edit_row(row, row["order"])
        return document

    def edit_row(self, row: dict[str, Any], order: dict[str, Any]) -> None:
        """Change one order: `row` is its response body, `order` the echoed request in it."""
        raise NotImplementedError


class MetadataAsStrings(MetadataEdit):
    """Metadata echoed as strings."""

    summary = "return every value of an order's metadata as a string"

    def edit_row(self, row: dict[str, Any], order: dict[str, Any]) -> None:
        order["metadata"] = _as_strings(order.get("metadata") or {})


class MetadataAbsent(MetadataEdit):
    """Metadata not echoed."""

    summary = "return orders without their metadata"

    def edit_row(self, row: dict[str, Any], order: dict[str, Any]) -> None:
        order.pop("metadata", None)


class MetadataAtRowLevel(MetadataEdit):
    """Metadata echoed outside the request."""

    summary = "return an order's metadata beside its ID instead of within `order`"

    def edit_row(self, row: dict[str, Any], order: dict[str, Any]) -> None:
        row["metadata"] = order.pop("metadata", None)


def _order_rows(document: Any) -> Iterator[dict[str, Any]]:
    rows = document.get("data", [document]) if isinstance(document, dict) else []
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("order"), dict):
            yield row


def _as_strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_strings(item) for item in value]
    return value if isinstance(value, str) else json.dumps(value)
