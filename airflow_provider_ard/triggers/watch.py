"""One watch a process and connection, shared by all triggers that wait through it.

A trigger subscribes with its orders and its interval. The watch keeps one client (one session, one token, one look-up
of the connection) and asks for all orders that are due in one round, in a thread, so that the triggerer's event loop
never waits for the network. It starts with the first subscriber and ends with the last.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from airflow.providers.common.compat.connection import get_async_connection

from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.order import OrderStatus

SHORTEST_INTERVAL_S = 1.0
# How far `exponential_backoff` stretches an interval that names no `max_wait`.
LONGEST_INTERVAL_S = 3600.0
# The longest pause that an outage adds to the subscribers' own pace: full jitter over 1, 2, 4 … seconds up to this.
LONGEST_OUTAGE_PAUSE_S = 60.0


@dataclass
class Pace:
    """How often to look: every `interval` seconds, or twice as long after each look, up to `max_wait`."""

    interval: float
    exponential: bool = False
    max_wait: float | None = None

    def __post_init__(self) -> None:
        self.interval = max(SHORTEST_INTERVAL_S, self.interval)
        if self.max_wait is None:
            self.max_wait = max(LONGEST_INTERVAL_S, self.interval)

    def next_interval(self) -> float:
        """Return the seconds until the next look."""
        interval = self.interval
        if self.exponential and self.max_wait:
            # Jitter keeps waits that began together from looking together for ever.
            self.interval = min(self.max_wait, 2 * interval)
            interval *= random.uniform(0.5, 1.0)  # noqa: S311 -- jitter
        return interval


@dataclass(eq=False)
class Subscription:
    """What one trigger waits for: `answers` yields each order's status, or the error that asking for it met.

    An `ArdUnavailableError` among them is news, not an end: the watch goes on asking.
    """

    order_ids: set[str]
    pace: Pace
    due: float = 0.0
    answers: asyncio.Queue[OrderStatus | Exception] = field(default_factory=asyncio.Queue)


class OrderWatch:
    """The watch of one event loop and connection. Use `OrderWatch.subscribe(...)`."""

    _watches: ClassVar[dict[tuple[asyncio.AbstractEventLoop, str], OrderWatch]] = {}

    def __init__(self, ard_conn_id: str) -> None:
        self.ard_conn_id = ard_conn_id
        self._subscriptions: set[Subscription] = set()
        self._changed = asyncio.Event()
        self._client: ArdClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._outages = 0

    @classmethod
    @asynccontextmanager
    async def subscribe(cls, ard_conn_id: str, order_ids: Iterable[str], pace: Pace) -> AsyncIterator[Subscription]:
        """Follow orders for the length of the block: answers at once, then at the given pace."""
        place = (asyncio.get_running_loop(), ard_conn_id)
        watch = cls._watches.get(place)
        if watch is None:
            watch = cls._watches[place] = cls(ard_conn_id)
            watch._start()
        subscription = Subscription(set(order_ids), pace)
        watch._subscriptions.add(subscription)
        watch._changed.set()
        try:
            yield subscription
        finally:
            watch._subscriptions.discard(subscription)
            if not watch._subscriptions and cls._watches.get(place) is watch:
                del cls._watches[place]
                watch._stop()

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"ARD orders of {self.ard_conn_id}")

    def _stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._until_due()
                now = time.monotonic()
                due = [one for one in self._subscriptions if one.due <= now]
                for one in due:
                    one.due = now + one.pace.next_interval()
                try:
                    pause = await self._round(due)
                except Exception as error:  # noqa: BLE001 -- it must end the waits, not leave them hanging
                    self._tell_all(error)
                    pause = SHORTEST_INTERVAL_S
                if pause:
                    await asyncio.sleep(pause)
        finally:
            self._close()

    async def _until_due(self) -> None:
        while True:
            self._changed.clear()
            next_due = min((one.due for one in self._subscriptions), default=float("inf"))
            wait = next_due - time.monotonic()
            if wait <= 0:
                return
            try:
                # A new subscriber is asked for at once, not at the others' next time.
                await asyncio.wait_for(self._changed.wait(), None if wait == float("inf") else wait)
            except TimeoutError:
                return

    async def _round(self, due: list[Subscription]) -> float:
        """Ask for the orders that are due and hand the answers out. Return the seconds to leave the API alone."""
        wanted = sorted(set().union(*(one.order_ids for one in due)))
        try:
            answers = await self._answers(wanted)
        except ArdAuthError as error:
            self._tell_all(error)
            return SHORTEST_INTERVAL_S
        except ArdUnavailableError as outage:
            return self._outage(outage)
        if self._outages:
            self._outages = 0
        for one in due:
            for order_id in one.order_ids & answers.keys():
                one.answers.put_nowait(answers[order_id])
        return 0.0

    async def _answers(self, wanted: list[str]) -> dict[str, OrderStatus | Exception]:
        try:
            return await asyncio.to_thread(_ask, await self._ready_client(), wanted)
        except ArdAuthError:
            # The login may have been changed in the connection meanwhile: once more with what it says now.
            self._close()
            return await asyncio.to_thread(_ask, await self._ready_client(), wanted)

    def _outage(self, outage: ArdUnavailableError) -> float:
        self._outages += 1
        if self._outages == 1:
            # Once an outage, not once a look of it: it may last for hours.
            self._tell_all(outage)
        if outage.retry_after is not None:
            return outage.retry_after
        longest = min(LONGEST_OUTAGE_PAUSE_S, 2.0 ** min(self._outages - 1, 10))
        return random.uniform(0, longest)  # noqa: S311 -- jitter

    def _tell_all(self, error: Exception) -> None:
        for one in self._subscriptions:
            one.answers.put_nowait(error)

    def _close(self) -> None:
        if self._client:
            self._client.close()
            self._client = None

    async def _ready_client(self) -> ArdClient:
        if self._client is None:
            from airflow_provider_ard.hooks.ard import client_of

            connection = await get_async_connection(self.ard_conn_id)
            # In a thread: reading the extra may ask the supervisor to mask secrets. One attempt: each round is a retry.
            self._client = await asyncio.to_thread(client_of, connection, attempts=1)
        return self._client


def _ask(client: ArdClient, order_ids: list[str]) -> dict[str, OrderStatus | Exception]:
    """Return each order's status, or the error that is this order's alone."""
    answers: dict[str, OrderStatus | Exception] = {}
    for order_id in order_ids:
        try:
            answers[order_id] = client.get_order(order_id)
        except (ArdAuthError, ArdUnavailableError):
            raise
        except ArdError as error:
            answers[order_id] = error
    return answers
