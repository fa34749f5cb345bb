"""One watch a process and connection, shared by all triggers that wait through it.

A trigger subscribes with its orders and its interval. The watch keeps one client (one session, one token, one look-up
of the connection) and asks for all orders that are due in one round, in a thread, so that the triggerer's event loop
never waits for the network. What a request brings is handed on at once, and only if it is news. The watch starts with
the first subscriber and ends with the last.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdUnavailableError
from airflow_provider_ard.polling.clients import CachedClient

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_ard.api.client import ArdClient
    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.api.orders.status_reader import StatusReader

SHORTEST_INTERVAL_S = 1.0
# How far `exponential_backoff` stretches an interval that names no `max_wait`.
LONGEST_INTERVAL_S = 3600.0
# The longest pause that an outage adds to the subscribers' own pace: full jitter over 1, 2, 4 … seconds up to this.
LONGEST_OUTAGE_PAUSE_S = 60.0
# Triggers come in flocks: so long is waited for the others before a round.
GATHER_S = 0.1
# A status that stays the same is told again after so long, for a sign of life in the task's log.
REPEAT_AFTER_S = 600.0


@dataclass(slots=True)
class PollSchedule:
    """How often to look: every `interval` seconds, or twice as long after each look, up to `max_wait`."""

    interval: float
    exponential: bool = False
    max_wait: float | None = None

    def __post_init__(self) -> None:
        self.interval = max(SHORTEST_INTERVAL_S, self.interval)

    def next_look(self, now: float, origin: float) -> float:
        """Return when to look next: on the grid of this interval from `origin`, so that equal paces look together.

        All three in seconds of the same clock. The next look is never further away than the interval.
        """
        interval = self.interval
        if self.exponential:
            self.interval = min(self.max_wait or max(LONGEST_INTERVAL_S, interval), 2 * interval)
        return now + interval - (now - origin) % interval


@dataclass(eq=False, slots=True)
class Subscription:
    """What one trigger waits for: `pending` are the ids of its orders that are still asked for.

    Ten thousand of them may wait in one process, so this is small: an `asyncio.Queue` would be two thirds of it.
    """

    pending: set[str]
    pace: PollSchedule
    due: float = 0.0
    _news: list[OrderStatus | Exception] | None = None
    _waiter: asyncio.Future[list[OrderStatus | Exception]] | None = None

    def news(self) -> asyncio.Future[list[OrderStatus | Exception]]:
        """Return what the watch will have to tell: changed statuses, or errors that asking has met.

        An `ArdUnavailableError` among them is no end: the watch goes on asking.
        """
        # A future, and no coroutine that awaits one: each of ten thousand would be kept for days.
        self._waiter = asyncio.get_running_loop().create_future()
        self._hand_on()
        return self._waiter

    def tell(self, answer: OrderStatus | Exception) -> None:
        """Pass on an answer."""
        if self._news is None:
            self._news = []
        self._news.append(answer)
        self._hand_on()

    def _hand_on(self) -> None:
        if self._news and self._waiter and not self._waiter.done():
            self._waiter.set_result(self._news)
            self._news = None


class _Followers:
    """Who is to be told of which order.

    Nearly every order has one follower: a list for each of ten thousand would be ten thousand objects more for the
    garbage collector, whose looks at the whole process stall the event loop.
    """

    def __init__(self, subscriptions: Iterable[Subscription]) -> None:
        self._first: dict[str, Subscription] = {}
        self._others: dict[str, list[Subscription]] = {}
        for one in subscriptions:
            for order_id in one.pending:
                if self._first.setdefault(order_id, one) is not one:
                    self._others.setdefault(order_id, []).append(one)

    def of(self, order_id: str) -> Iterator[Subscription]:
        """Return the followers of an order."""
        if first := self._first.get(order_id):
            yield first
            yield from self._others.get(order_id, ())


class OrderPoller:
    """The watch of one event loop and connection. Use `OrderPoller.subscribe(...)`."""

    _watches: ClassVar[dict[tuple[asyncio.AbstractEventLoop, str], OrderPoller]] = {}

    def __init__(self, ard_conn_id: str) -> None:
        self.ard_conn_id = ard_conn_id
        self._subscriptions: set[Subscription] = set()
        self._changed = asyncio.Event()
        self._client = CachedClient(ard_conn_id)
        self._reader: tuple[ArdClient, StatusReader] | None = None
        self._task: asyncio.Task[None] | None = None
        self._began = time.monotonic()
        self._outages = 0
        # The outage that all have been told of, for as long as it lasts.
        self._told: ArdUnavailableError | None = None
        # The status of orders that go on, as all their followers know it.
        self._known: dict[str, str] = {}
        self._known_since = self._began
        # For as long as it holds.
        self._followers: _Followers | None = None
        # Orders whose own outage has been told to those who wait for them.
        self._troubled: set[str] = set()

    @classmethod
    def subscribe(cls, ard_conn_id: str, order_ids: Iterable[str], pace: PollSchedule) -> Subscription:
        """Follow orders until `leave(...)`: answers at once, then at the given pace."""
        place = (asyncio.get_running_loop(), ard_conn_id)
        watch = cls._watches.get(place)
        if watch is None:
            watch = cls._watches[place] = cls(ard_conn_id)
            watch._start()
        subscription = Subscription(set(order_ids), pace)
        watch._subscriptions.add(subscription)
        watch._followers = None
        for order_id in subscription.pending:
            watch._known.pop(order_id, None)
            watch._troubled.discard(order_id)
        if watch._told:
            # The next look may be a minute away, or as far as the API has asked for.
            subscription.tell(watch._told)
        watch._changed.set()
        return subscription

    @classmethod
    def leave(cls, ard_conn_id: str, subscription: Subscription) -> None:
        """End a subscription; with the last one the watch ends."""
        place = (asyncio.get_running_loop(), ard_conn_id)
        watch = cls._watches[place]
        watch._subscriptions.discard(subscription)
        if not watch._subscriptions:
            del cls._watches[place]
            watch._stop()

    def _start(self) -> None:
        # In a context of its own: in that of the first trigger, its warnings would all go to that one task's log.
        name = f"ARD orders of {self.ard_conn_id}"
        self._task = asyncio.create_task(self._run(), name=name, context=contextvars.Context())

    def _stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._until_due()
                await asyncio.sleep(GATHER_S)
                now = time.monotonic()
                due = [one for one in self._subscriptions if one.due <= now]
                for one in due:
                    one.due = one.pace.next_look(now, self._began)
                if now - self._known_since >= REPEAT_AFTER_S:
                    self._known.clear()
                    self._known_since = now
                try:
                    pause = await self._round(due)
                except Exception as error:  # noqa: BLE001 -- it must end the waits, not leave them hanging
                    self._tell_all(error)
                    pause = SHORTEST_INTERVAL_S
                if pause:
                    await asyncio.sleep(pause)
        finally:
            self._client.forget()

    async def _until_due(self) -> None:
        while True:
            self._changed.clear()
            next_due = min((one.due for one in self._subscriptions), default=float("inf"))
            wait = next_due - time.monotonic()
            if wait <= 0:
                return
            try:
                # Not `wait_for`, which may swallow a cancellation that comes with the change, before Python 3.12.
                async with asyncio.timeout(None if wait == float("inf") else wait):
                    # A new subscriber is asked for at once, not at the others' next time.
                    await self._changed.wait()
            except TimeoutError:
                return

    async def _round(self, due: list[Subscription]) -> float:
        """Ask for the orders that are due and hand the answers out. Return the seconds to leave the API alone."""
        # Whoever has left since is not to be kept.
        self._followers = None
        asked = set(chain.from_iterable(one.pending for one in due))
        unanswered = set(asked)
        try:
            try:
                await self._ask(unanswered)
            except ArdAuthError:
                # The login may have been changed in the connection meanwhile: once more with what it says now.
                self._client.forget()
                await self._ask(unanswered)
        except ArdAuthError as error:
            self._tell_all(error)
            return SHORTEST_INTERVAL_S
        except ArdUnavailableError as outage:
            news = unanswered - self._troubled
            self._troubled |= unanswered
            if outage.retry_after is not None or len(unanswered) == len(asked):
                # Of these orders alone, if they are in trouble while others are answered for in rounds of their own.
                return self._outage(outage, is_news=bool(news))
            # The API answers, but not for these.
            for one in {one for order_id in news for one in self._following(order_id)}:
                one.tell(outage)
        finally:
            self._troubled -= asked - unanswered
        self._outages, self._told = 0, None
        return 0.0

    async def _ask(self, order_ids: set[str]) -> None:
        """Ask for orders and tell what is news; what has been answered for is taken out of `order_ids`."""
        reader = await self._ready_reader()
        answers = reader.read(order_ids, self._known)
        try:
            # A request at a time, so that its answers do not wait for the rest and the loop breathes in between.
            while (found := await asyncio.to_thread(next, answers, None)) is not None:
                for order_id, answer in found.items():
                    self._tell(order_id, answer)
        finally:
            order_ids &= reader.unanswered

    def _tell(self, order_id: str, answer: OrderStatus | ArdError) -> None:
        """Tell all who follow an order, due or not: what they know of it is the same."""
        from airflow_provider_ard.api.orders.status import State

        for one in self._following(order_id):
            one.tell(answer)
        if not isinstance(answer, Exception) and answer.state is State.RUNNING:
            self._known[order_id] = answer.status

    def _following(self, order_id: str) -> Iterator[Subscription]:
        if self._followers is None:
            self._followers = _Followers(self._subscriptions)
        return self._followers.of(order_id)

    async def _ready_reader(self) -> StatusReader:
        from airflow_provider_ard.api.orders.status_reader import StatusReader

        client = await self._client.get()
        if self._reader is None or self._reader[0] is not client:
            self._reader = client, StatusReader(client)
        return self._reader[1]

    def _outage(self, outage: ArdUnavailableError, *, is_news: bool) -> float:
        self._outages += 1
        if is_news and self._told is None:
            # Once an outage, not once a look of it: it may last for hours.
            self._told = outage
            self._tell_all(outage)
        if outage.retry_after is not None:
            return outage.retry_after
        longest = min(LONGEST_OUTAGE_PAUSE_S, 2.0 ** min(self._outages - 1, 10))
        return random.uniform(0, longest)  # noqa: S311 -- jitter

    def _tell_all(self, error: Exception) -> None:
        for one in self._subscriptions:
            one.tell(error)
