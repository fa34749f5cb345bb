"""Kinds of fault in the delivery of an order: it succeeds, but its first tile is incomplete."""

from typing import TYPE_CHECKING, ClassVar

from airflow_provider_ard.sandbox.faults.base import FaultKind
from airflow_provider_ard.sandbox.faults.exchange import DELIVERY_DEFECTS, Exchange
from airflow_provider_ard.sandbox.rendering.defects import (
    EMPTY_OBJECT,
    MISSING_ASSET,
    MISSING_OBJECT,
    MISSING_TILE,
    TRUNCATED_OBJECT,
    DeliveryDefect,
)

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox.faults.rules import Rule


class IncompleteDelivery(FaultKind):
    """Order that succeeds with an incomplete first tile."""

    defect: ClassVar[str]
    endpoint = "POST /order"
    dry_run = False

    async def on_request(self, rule: "Rule", exchange: Exchange) -> None:
        defect = DeliveryDefect(self.defect, rule.asset) if rule.asset else DeliveryDefect(self.defect)
        exchange.scope[DELIVERY_DEFECTS] = (*exchange.scope.get(DELIVERY_DEFECTS, ()), defect)


class MissingTile(IncompleteDelivery):
    """Missing tile."""

    summary = "accept the order, which succeeds without its first tile"
    defect = MISSING_TILE


class IncompleteTile(IncompleteDelivery):
    """Order whose first tile has a defect in one file."""

    options: ClassVar = {"asset": "STAC asset key of the affected file, default visual"}


class MissingAsset(IncompleteTile):
    """Asset that the STAC item does not list."""

    summary = "accept the order, which succeeds; the first tile has no such file, and its STAC item does not list it"
    defect = MISSING_ASSET


class MissingObject(IncompleteTile):
    """Asset whose file does not exist."""

    summary = "accept the order, which succeeds; the STAC item of the first tile lists a file that does not exist"
    defect = MISSING_OBJECT


class EmptyObject(IncompleteTile):
    """Asset whose file is empty."""

    summary = "accept the order, which succeeds; a file of the first tile has no content"
    defect = EMPTY_OBJECT


class TruncatedObject(IncompleteTile):
    """Asset whose file ends early."""

    summary = "accept the order, which succeeds; a file of the first tile has only its first half"
    defect = TRUNCATED_OBJECT
