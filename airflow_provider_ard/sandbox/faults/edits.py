"""Kinds of fault that edit the JSON in responses of the API."""

import json
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
