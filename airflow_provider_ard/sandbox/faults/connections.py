"""Kinds of fault of the connection: delays, resets and broken TLS."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_ard.sandbox.faults.base import FaultKind
from airflow_provider_ard.sandbox.faults.exchange import Exchange

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.faults.rules import Rule


class Latency(FaultKind):
    """Delay."""

    summary = "wait, then process the request"
    options: ClassVar = {"seconds": "real seconds to wait, default 1"}

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        await asyncio.sleep(rule.duration)


class ResetBeforeAccept(FaultKind):
    """Connection reset before the request is processed."""

    summary = "reset the TCP connection before the request is processed"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        await exchange.reset()


class ResetAfterAccept(FaultKind):
    """Connection reset after the request has been processed."""

    summary = "process the request, then reset the TCP connection instead of responding"

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:
        await exchange.reset()


class CloseReused(FaultKind):
    """Kept-alive connection closed just as its next request arrives."""

    summary = "close the connection instead of responding, if it has served a request before (idle timeout of a server)"

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        if exchange.is_reused:
            await exchange.close()


class TruncatedResponse(FaultKind):
    """Connection closed in the middle of the response."""

    summary = "process the request, then send half of the response and close the connection"

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:
        await exchange.truncate()


class Trickle(FaultKind):
    """Response that arrives byte by byte."""

    summary = "process the request, then send the response byte by byte, so that no read times out"
    options: ClassVar = {"seconds": "real seconds before each byte, default 1"}

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:
        await exchange.trickle(rule.duration)


class TlsBreakAfterAccept(FaultKind):
    """Invalid TLS record after the request has been processed."""

    summary = "process the request, then send an invalid TLS record and close the connection (with TLS)"

    async def on_response(self, rule: "Rule", exchange: Exchange) -> None:
        await exchange.break_tls()
