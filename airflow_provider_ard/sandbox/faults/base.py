"""The base class of the kinds of fault."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_ard.sandbox.faults.exchange import Exchange

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.faults.rules import Rule


class FaultKind:
    """One kind of fault: what happens to a request or to its response when a rule fires.

    `summary` describes it, `options` are the fields of `Rule` that it uses, with their meaning. `endpoint` and
    `dry_run` are the defaults of the rule.
    """

    summary: ClassVar[str]
    options: ClassVar[Mapping[str, str]] = {}
    endpoint: ClassVar[str | None] = None
    dry_run: ClassVar[bool | None] = None

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        """Act before the API processes the request; with a response in `exchange` the API is not called."""

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:
        """Act after the API has processed the request and before its response is sent."""
