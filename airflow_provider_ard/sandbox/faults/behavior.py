"""Kinds of fault in the behavior of the API: lists, tokens, and the end of orders and Selects."""

from typing import TYPE_CHECKING, ClassVar

from airflow_provider_ard.sandbox.backend.orders import PlannedOutcome
from airflow_provider_ard.sandbox.faults.base import FaultKind
from airflow_provider_ard.sandbox.faults.exchange import LIST_LAG, PLANNED_OUTCOME, Exchange

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.faults.rules import Rule


class IgnoreFilter(FaultKind):
    """Ignored list filter."""

    summary = "list orders without applying the filter parameter"
    endpoint = "GET /order"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        exchange.remove_query_parameter("filter")


class ListLag(FaultKind):
    """List that lags behind."""

    summary = "list orders only some time after they were placed"
    options: ClassVar = {"seconds": "age from which an order is listed, on the sandbox's clock, default 1"}
    endpoint = "GET /order"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        exchange.scope[LIST_LAG] = rule.duration


class FilterLag(ListLag):
    """Filter whose index lags behind."""

    summary = "list orders by a filter only some time after they were placed; without a filter at once"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        if exchange.has_query_parameter("filter"):
            await super().on_request(rule, exchange)


class IgnoreDryRun(FaultKind):
    """Ignored dry run."""

    summary = "place a real order for a dry run"
    endpoint = "POST /order"
    dry_run = True

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        exchange.remove_body_field("dry_run")


class ExpireToken(FaultKind):
    """Expired access token."""

    summary = "revoke the access token of the request, which then gets a 401"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        headers = dict(exchange.scope["headers"])
        exchange.state.tokens.expire(headers.get(b"authorization", b"").decode("latin-1"))


class RevokeRefreshToken(FaultKind):
    """Revoked refresh tokens."""

    summary = "revoke every refresh token, then process the request"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        exchange.state.tokens.revoke_refresh_tokens()


class Failure(FaultKind):
    """An order or a Select that ends with another status than SUCCEEDED."""

    options: ClassVar = {"final_status": "status at the end, default FAILED", "message": "status message"}

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        message = rule.message or "The request could not be processed"
        exchange.scope[PLANNED_OUTCOME] = PlannedOutcome(rule.final_status or "FAILED", message)


class FailOrder(Failure):
    """Order that fails."""

    summary = "accept the order, which fails at its end"
    endpoint = "POST /order"
    dry_run = False


class FailSelect(Failure):
    """Select that fails."""

    summary = "accept the Select, which fails at its end"
    endpoint = "POST /select"


class StuckOrder(FaultKind):
    """Order that never ends."""

    summary = "accept the order, which stays RUNNING"
    endpoint = "POST /order"
    dry_run = False

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        exchange.scope[PLANNED_OUTCOME] = PlannedOutcome(None)
