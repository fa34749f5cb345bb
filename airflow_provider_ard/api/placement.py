"""Placing an order once and only once: look, order, and look again when the answer is lost.

Each order carries tags in its `metadata`. `airflow_key` names the intention (this task of this run, whichever try),
`airflow_fingerprint` what was ordered. The API keeps no idempotency key, so the key is looked up in the list of
orders before anything is bought, and after any answer that leaves open whether something was.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tenacity

from airflow_provider_ard.api.errors import (
    ArdOrderConflict,
    ArdRequestError,
    ArdUnavailableError,
    ArdUnknownFateError,
)
from airflow_provider_ard.api.order import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.order import OrderRequest, OrderStatus

log = logging.getLogger(__name__)

TAG_PREFIX = "airflow_"
IF_EXISTS = ("reuse", "fail", "resubmit")
# How long an order whose answer was lost is looked for: an order may be listed some seconds after it was accepted.
LOOK_UP_WINDOW_S = 30.0
# Orders under one key: one, and one more for each that failed or was asked for by `resubmit`.
MOST_UNDER_ONE_KEY = 100


@dataclass(frozen=True)
class Intention:
    """The one task instance that wants the order, whichever try of it."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1

    @property
    def key(self) -> str:
        """A digest of the intention: 32 hexadecimal digits, safe in any filter."""
        names = json.dumps([self.dag_id, self.task_id, self.run_id, self.map_index])
        return hashlib.sha256(names.encode()).hexdigest()[:32]

    def tagged(self, request: OrderRequest) -> OrderRequest:
        """Return the request with the intention's tags beside the user's metadata.

        Raises `ArdRequestError` if the user's metadata uses one of the tags' names.
        """
        if clash := sorted(name for name in request.metadata if name.startswith(TAG_PREFIX)):
            raise ArdRequestError(
                f"{clash[0]!r}: names that begin with {TAG_PREFIX!r} are this provider's own",
                argument="metadata",
            )
        tags: dict[str, Any] = {
            f"{TAG_PREFIX}key": self.key,
            f"{TAG_PREFIX}fingerprint": request.fingerprint(),
            f"{TAG_PREFIX}dag_id": self.dag_id,
            f"{TAG_PREFIX}task_id": self.task_id,
            f"{TAG_PREFIX}run_id": self.run_id,
            f"{TAG_PREFIX}map_index": self.map_index,
        }
        return request.model_copy(update={"metadata": request.metadata | tags})


@dataclass(frozen=True)
class Placed:
    """An order that exists. `new`: bought just now, rather than taken over."""

    order: OrderStatus
    new: bool


def place_once(
    client: ArdClient,
    request: OrderRequest,
    intention: Intention,
    *,
    if_exists: str = "reuse",
    before_submit: Callable[[], None] = lambda: None,
    window: float | None = None,
) -> Placed:
    """Return the one order of an intention, placing it if there is none.

    `if_exists` says what to do with an order that the intention has placed already. `reuse`: take it over if it is
    the same request and has not failed; a different request is an `ArdOrderConflict`. `fail`: always an
    `ArdOrderConflict`. `resubmit`: always a new order. `before_submit` is called right before the one POST. `window`:
    seconds for which an order is looked for whose answer was lost; if it is not found, `ArdUnknownFateError`, and the
    next try looks again.
    """
    if if_exists not in IF_EXISTS:
        raise ArdRequestError(f"wanted one of {', '.join(IF_EXISTS)}, got {if_exists!r}", argument="if_exists")
    tagged = intention.tagged(request)
    known = _orders_of(client, intention)
    if if_exists != "resubmit" and (taken := _taken_over(known, tagged, if_exists)):
        return Placed(taken, new=False)
    before_submit()
    window = LOOK_UP_WINDOW_S if window is None else window
    try:
        return Placed(client.submit_order(tagged), new=True)
    except ArdUnknownFateError as error:
        log.warning("%s. Looking for up to %g s whether the order arrived.", error, window)
        found = _look_patiently(client, intention, {order.id for order in known}, window)
        if found is None:
            raise
        log.info("The order did arrive: %s.", found.id)
        return Placed(found, new=True)


def _orders_of(client: ArdClient, intention: Intention) -> list[OrderStatus]:
    """Return the intention's orders as the list shows them."""
    key = f"{TAG_PREFIX}key"
    rows = client.list_orders(filter=f"metadata.{key}:{intention.key}", limit=MOST_UNDER_ONE_KEY)
    # A row without metadata is asked for singly: neither a filter that was ignored nor a short row may mislead.
    whole = (row if row.metadata else client.get_order(row.id) for row in rows)
    return [order for order in whole if order.metadata.get(key) == intention.key]


def _taken_over(known: list[OrderStatus], tagged: OrderRequest, if_exists: str) -> OrderStatus | None:
    alive = [order for order in known if order.state is not State.FAILED]
    if if_exists == "fail" and known:
        raise ArdOrderConflict(
            f"this task instance has already placed order {known[0].id} ({known[0].status}), and if_exists is 'fail'",
            order_id=known[0].id,
        )
    tag = f"{TAG_PREFIX}fingerprint"
    same = [order for order in alive if order.metadata.get(tag) == tagged.metadata[tag]]
    if same:
        return same[0]
    if alive:
        raise ArdOrderConflict(
            f"this task instance has already placed order {alive[0].id} ({alive[0].status}) for a different request "
            f"(fingerprint {alive[0].metadata.get(tag)}, now {tagged.metadata[tag]}). Ask for the same again, or set "
            "if_exists='resubmit' to buy a second one",
            order_id=alive[0].id,
        )
    return None


def _look_patiently(client: ArdClient, intention: Intention, known: set[str], window: float) -> OrderStatus | None:
    def look() -> OrderStatus | None:
        return next((order for order in _orders_of(client, intention) if order.id not in known), None)

    patiently = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda found: found is None)
        | tenacity.retry_if_exception_type(ArdUnavailableError),
        wait=tenacity.wait_exponential(multiplier=0.5, max=5),
        stop=tenacity.stop_after_delay(window),
        # Not found in the window, or still unavailable: both leave the fate unknown.
        retry_error_callback=lambda _: None,
    )
    return patiently(look)
