"""Placing an order once and only once: look, order, and look again when the answer is lost.

Each order carries tags in its `metadata`. `airflow_key` names the idempotency_key (this task of this run, whichever try),
`airflow_fingerprint` what was ordered. The API keeps no idempotency key, so the key is looked up in the list of
orders before anything is bought, and after any answer that leaves open whether something was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tenacity

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import (
    ArdError,
    ArdOrderConflict,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.api.orders.status import State
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore, SubmissionRecord, SubmissionStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import OrderStatus

__all__ = ["IF_EXISTS", "IdempotencyKey", "Placed", "check_if_exists", "place_once"]

log = logging.getLogger(__name__)

TAG_PREFIX = "airflow_"
IF_EXISTS = ("reuse", "fail", "resubmit")
# How to get a second order for another request.
RESUBMIT = "set if_exists='resubmit'"
# How long an order whose answer was lost is looked for: an order may be listed some seconds after it was accepted.
LOOK_UP_WINDOW_S = 30.0
# Orders under one key: one, and one more for each that failed or was asked for by `resubmit`.
MOST_UNDER_ONE_KEY = 100


@dataclass(frozen=True)
class IdempotencyKey:
    """The one task instance that wants the order, whichever try of it."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1
    # Which first_try_number: the number of its first try. Automatic retries belong to one first_try_number, a clear begins a new one.
    first_try_number: int = 1

    @property
    def key(self) -> str:
        """A digest of the idempotency_key: 32 hexadecimal digits, safe in any filter."""
        names = json.dumps([self.dag_id, self.task_id, self.run_id, self.map_index])
        return hashlib.sha256(names.encode()).hexdigest()[:32]

    def tagged(self, request: OrderRequest) -> OrderRequest:
        """Return the request with the idempotency_key's tags beside the user's metadata.

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
            f"{TAG_PREFIX}first_try_number": self.first_try_number,
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
    idempotency_key: IdempotencyKey,
    *,
    if_exists: str = "reuse",
    before_submit: Callable[[], None] = lambda: None,
    store: SubmissionStore | None = None,
    window: float | None = None,
) -> Placed:
    """Return the one order of an idempotency_key, placing it if there is none.

    `if_exists` says what to do with an order that the idempotency_key has placed already. `reuse`: take it over if it is the
    same request and has not failed; a different request is an `ArdOrderConflict`. `fail`: always an `ArdOrderConflict`.
    `resubmit`: a new order, but for one that a crashed try has sent and not handed on. `before_submit` is called before
    the one POST. `window`: seconds (`LOOK_UP_WINDOW_S`) for which an order is looked for whose answer was lost; if it
    is not found, `ArdOrderInDoubtError`, and the next try looks again.
    """
    check_if_exists(if_exists)
    window = LOOK_UP_WINDOW_S if window is None else window
    store = store or NullSubmissionStore()
    tagged = idempotency_key.tagged(request)
    known, crashed = _recalled(client, idempotency_key, store.load(), window)
    taken = None
    if crashed and if_exists != "fail":
        # Sent by a try that died: whatever `if_exists` says, this is the order that was asked for.
        taken = _taken_over([crashed], tagged, "reuse", "clear the task" if if_exists == "resubmit" else RESUBMIT)
    if taken is None and if_exists != "resubmit":
        # Also where that one has failed: an order of an earlier first_try_number may be alive.
        taken = _taken_over(known, tagged, if_exists)
    if taken:
        return _noted(store, taken, new=False)
    before_submit()
    before = tuple(order.id for order in known)
    store.save(SubmissionRecord(submitted=True, existing_order_ids=before))
    try:
        placed = client.submit_order(tagged)
    except ArdOrderInDoubtError as error:
        log.warning("%s. Looking for up to %g s whether the order arrived.", error, window)
        found = _look_patiently(client, idempotency_key, _others_than(before), window)
        if found is None:
            raise
        placed = found
    except ArdError:
        # Refused, so there is no order: the next try need not look for one.
        with contextlib.suppress(Exception):
            store.save(SubmissionRecord(submitted=False))
        raise
    return _noted(store, placed, new=True)


def check_if_exists(if_exists: object) -> None:
    """Raise `ArdRequestError` unless it is one of `IF_EXISTS`."""
    if if_exists not in IF_EXISTS:
        raise ArdRequestError(f"wanted one of {', '.join(IF_EXISTS)}, got {safe_repr(if_exists)}", argument="if_exists")


def _recalled(
    client: ArdClient, idempotency_key: IdempotencyKey, entry: SubmissionRecord | None, window: float
) -> tuple[list[OrderStatus], OrderStatus | None]:
    """Return the idempotency_key's orders, and among them the one that a crashed try of this first_try_number has sent, if any.

    A try that goes on after its order was written down has crashed too, if it belongs to the same first_try_number.
    """
    known = _orders_of(client, idempotency_key)
    if entry is None or not entry.submitted:
        return known, None
    if entry.order_id:
        if entry.order_id not in {order.id for order in known}:
            # The list lags behind what was written down.
            known.insert(0, client.get_order(entry.order_id))
        written = next(order for order in known if order.id == entry.order_id)
        return known, written if _of_first_try_number(idempotency_key.first_try_number)(written) else None
    is_it = (
        _of_first_try_number(idempotency_key.first_try_number)
        if entry.existing_order_ids is None
        else _others_than(entry.existing_order_ids)
    )
    crashed = next(filter(is_it, known), None)
    if crashed is None:
        log.info("An earlier try may have sent the order and died: looking for it for up to %g s.", window)
        crashed = _look_patiently(client, idempotency_key, is_it, window)
        if crashed:
            known.insert(0, crashed)
    return known, crashed


def _others_than(before: tuple[str, ...]) -> Callable[[OrderStatus], bool]:
    return lambda order: order.id not in before


def _of_first_try_number(first_try_number: int) -> Callable[[OrderStatus], bool]:
    return lambda order: order.metadata.get(f"{TAG_PREFIX}first_try_number") == first_try_number


def _noted(store: SubmissionStore, order: OrderStatus, *, new: bool) -> Placed:
    """Write the order's id down, in the log first. No failure of that is worth losing the order over."""
    log.info("Order %s %s.", order.id, "placed" if new else "was placed by an earlier try of this task: taken over")
    try:
        store.save(SubmissionRecord(submitted=True, order_id=order.id))
    except Exception:
        log.warning("Order %s could not be written down; the API's list knows it.", order.id, exc_info=True)
    return Placed(order, new=new)


def _orders_of(client: ArdClient, idempotency_key: IdempotencyKey) -> list[OrderStatus]:
    """Return the idempotency_key's orders as the list shows them."""
    key = f"{TAG_PREFIX}key"
    rows = client.list_orders(filter=f"metadata.{key}:{idempotency_key.key}", limit=MOST_UNDER_ONE_KEY)
    # A row without metadata is asked for singly: neither a filter that was ignored nor a short row may mislead.
    whole = (row if row.metadata else client.get_order(row.id) for row in rows)
    return [order for order in whole if order.metadata.get(key) == idempotency_key.key]


def _taken_over(
    known: list[OrderStatus], tagged: OrderRequest, if_exists: str, remedy: str = RESUBMIT
) -> OrderStatus | None:
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
            f"(fingerprint {alive[0].metadata.get(tag)}, now {tagged.metadata[tag]}). Ask for the same again, or "
            f"{remedy} to buy a second one",
            order_id=alive[0].id,
        )
    return None


def _look_patiently(
    client: ArdClient, idempotency_key: IdempotencyKey, is_it: Callable[[OrderStatus], bool], window: float
) -> OrderStatus | None:
    def look() -> OrderStatus | None:
        return next(filter(is_it, _orders_of(client, idempotency_key)), None)

    patiently = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda found: found is None)
        | tenacity.retry_if_exception_type(ArdUnavailableError),
        wait=tenacity.wait_exponential(multiplier=0.5, max=5),
        stop=tenacity.stop_after_delay(window),
        # Not found in the window, or still unavailable: both leave the fate unknown.
        retry_error_callback=lambda _: None,
    )
    return patiently(look)
