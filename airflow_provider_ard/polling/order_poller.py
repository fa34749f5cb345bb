"""`OrderPoller`: one poller per event loop and Connection, shared by all triggers that wait through it.

A trigger subscribes with its orders and its schedule. The poller keeps one client (one session, one token) and polls
all due orders together, in a thread, so requests never block the triggerer's event loop. Updates are published as soon
as each response arrives. The poller starts with its first subscription and stops with the last.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdUnavailableError
from airflow_provider_ard.api.refusal import is_login_refusal
from airflow_provider_ard.polling.client_cache import ConnectionClient
from airflow_provider_ard.polling.outage import OutageTracker
from airflow_provider_ard.polling.schedule import MIN_INTERVAL_S, PollSchedule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.api.orders.status_reader import StatusPoll, StatusReader, Updates

# Triggers often start in groups: a poll is delayed this long to include all of them.
BATCH_DELAY_S = 0.1
# An unchanged status is published again after this time, for the hourly line in the task's log.
REPUBLISH_AFTER_S = 600.0


@dataclass(eq=False, slots=True)
class Subscription:
    """The orders that one trigger waits for; `pending` are the IDs of those still polled.

    Ten thousand of them may wait in one process, so this is small: an `asyncio.Queue` would be two thirds of it.
    """

    pending: Collection[str]
    schedule: PollSchedule
    next_poll_at: float = 0.0
    _updates: list[OrderStatus | Exception] | None = None
    _waiter: asyncio.Future[list[OrderStatus | Exception]] | None = None

    def next_updates(self) -> asyncio.Future[list[OrderStatus | Exception]]:
        """Return a future of the next updates: changed statuses, and errors of polling them.

        After an `ArdUnavailableError` polling continues; any other error is final.
        """
        # A future rather than a coroutine: with ten thousand waits, each coroutine would be kept for days.
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        self._deliver()
        return waiter

    def publish(self, update: OrderStatus | Exception) -> None:
        """Deliver an update to the subscriber."""
        if self._updates is None:
            self._updates = []
        self._updates.append(update)
        self._deliver()

    def _deliver(self) -> None:
        if self._updates and self._waiter and not self._waiter.done():
            self._waiter.set_result(self._updates)
            # A subscription that has ended may be in the index until the next poll, which must not keep its orders.
            self._updates = self._waiter = None


class _SubscriptionIndex:
    """Subscriptions indexed by order ID.

    Nearly every order has one subscription: a list for each of ten thousand orders would be ten thousand more objects
    for the garbage collector, whose full collections stall the event loop.
    """

    def __init__(self, subscriptions: Iterable[Subscription]) -> None:
        self._first: dict[str, Subscription] = {}
        self._others: dict[str, list[Subscription]] = {}
        for subscription in subscriptions:
            for order_id in subscription.pending:
                if self._first.setdefault(order_id, subscription) is not subscription:
                    self._others.setdefault(order_id, []).append(subscription)

    def subscriptions_of(self, order_id: str) -> Iterator[Subscription]:
        if first := self._first.get(order_id):
            yield first
            yield from self._others.get(order_id, ())


class OrderPoller:
    """Polls the orders of one event loop and Connection.

        subscription = OrderPoller.subscribe("ard_default", ["4711"], PollSchedule(60.0))
        try:
            updates = await subscription.next_updates()
        finally:
            OrderPoller.unsubscribe("ard_default", subscription)

    It starts with the first subscription and stops with the last.
    """

    _pollers: ClassVar[dict[tuple[asyncio.AbstractEventLoop, str], OrderPoller]] = {}

    def __init__(self, ard_conn_id: str) -> None:
        self.ard_conn_id = ard_conn_id
        self._subscriptions: set[Subscription] = set()
        self._subscribed = asyncio.Event()
        self._client = ConnectionClient(ard_conn_id)
        self._reader: StatusReader | None = None
        self._task: asyncio.Task[None] | None = None
        self._started_at = time.monotonic()
        self._outages = OutageTracker(self._publish_to_all, is_tolerated=is_login_refusal)
        # Last status published to all subscribers of a running order.
        self._published: dict[str, str] = {}
        self._published_since = self._started_at
        # Valid until subscriptions change; None: to be built when needed.
        self._index: _SubscriptionIndex | None = None
        # Orders whose own outage was published to their subscribers.
        self._failing: set[str] = set()

    @classmethod
    def subscribe(cls, ard_conn_id: str, order_ids: Collection[str], schedule: PollSchedule) -> Subscription:
        """Poll orders, at once and then on this schedule, until `unsubscribe` is called."""
        key = (asyncio.get_running_loop(), ard_conn_id)
        poller = cls._pollers.get(key)
        if poller is None:
            poller = cls._pollers[key] = cls(ard_conn_id)
            poller._start()
        subscription = Subscription(order_ids, schedule)
        poller._add(subscription)
        return subscription

    @classmethod
    def unsubscribe(cls, ard_conn_id: str, subscription: Subscription) -> None:
        """End a subscription; the poller stops with the last one."""
        key = (asyncio.get_running_loop(), ard_conn_id)
        poller = cls._pollers[key]
        poller._subscriptions.discard(subscription)
        if not poller._subscriptions:
            del cls._pollers[key]
            poller._stop()

    def _start(self) -> None:
        # In an empty context: in that of the first trigger, all warnings would go to that task's log.
        name = f"ARD orders of {self.ard_conn_id}"
        self._task = asyncio.create_task(self._run(), name=name, context=contextvars.Context())

    def _stop(self) -> None:
        if self._task:
            self._task.cancel()

    def _add(self, subscription: Subscription) -> None:
        self._subscriptions.add(subscription)
        self._index = None
        for order_id in subscription.pending:
            # The new subscriber has not received these.
            self._published.pop(order_id, None)
            self._failing.discard(order_id)
        if self._outages.error:
            # The next poll may be as far away as the API's `Retry-After`.
            subscription.publish(self._outages.error)
        self._subscribed.set()

    async def _run(self) -> None:
        try:
            while True:
                await self._wait_until_due()
                await asyncio.sleep(BATCH_DELAY_S)
                now = time.monotonic()
                due = [subscription for subscription in self._subscriptions if subscription.next_poll_at <= now]
                for subscription in due:
                    subscription.next_poll_at = subscription.schedule.next_poll_at(now, self._started_at)
                    subscription.schedule.back_off()
                if now - self._published_since >= REPUBLISH_AFTER_S:
                    self._published.clear()
                    self._published_since = now
                try:
                    await self._poll(set(chain.from_iterable(subscription.pending for subscription in due)))
                except Exception as error:  # noqa: BLE001 -- ends the waits instead of leaving them without updates
                    self._publish_to_all(error)
                    await asyncio.sleep(MIN_INTERVAL_S)
                else:
                    await asyncio.sleep(self._outages.backoff())
        finally:
            self._client.reset()

    async def _wait_until_due(self) -> None:
        while True:
            self._subscribed.clear()
            next_poll_at = min(
                (subscription.next_poll_at for subscription in self._subscriptions), default=float("inf")
            )
            delay = next_poll_at - time.monotonic()
            if delay <= 0:
                return
            try:
                # Not `wait_for`, which before Python 3.12 may swallow a cancellation that coincides with the event.
                async with asyncio.timeout(None if delay == float("inf") else delay):
                    # The orders of a new subscriber are polled at once.
                    await self._subscribed.wait()
            except TimeoutError:
                return

    async def _poll(self, order_ids: set[str]) -> None:
        """Poll orders once and publish the updates. Raises what ends all waits, such as `ArdAuthError`."""
        # An index would keep subscribers that have left since.
        self._index = None
        poll: StatusPoll | None = None
        try:
            reader = await self._status_reader()
            # In a thread, like its requests: it takes milliseconds for ten thousand orders.
            poll = await asyncio.to_thread(reader.start_poll, order_ids, self._published)
            while not poll.is_finished:
                # One request at a time: its updates do not wait for the others, and the event loop runs in between.
                self._publish(await asyncio.to_thread(poll.request_next))
            outage = poll.outage
        except ArdUnavailableError as error:
            outage = error
        except ArdAuthError as error:
            # The login in the Connection may have changed since: the next poll uses its current values.
            self._client.reset()
            if poll and len(poll.unread) < len(order_ids):
                self._outages.poll_succeeded()
            self._outages.poll_refused(error)
            return
        self._record(order_ids, poll.unread if poll else order_ids, outage)

    def _record(self, order_ids: set[str], unread: set[str], outage: ArdUnavailableError | None) -> None:
        """Record a finished poll, and publish the outage if it is new."""
        newly_failing = unread - self._failing
        self._failing -= (self._failing & order_ids) - unread
        if outage is None:
            self._outages.poll_succeeded()
            return
        self._failing |= unread
        if outage.retry_after is not None or len(unread) == len(order_ids):
            # Not a new outage if only these orders fail while separate polls of other orders succeed.
            self._outages.poll_failed(outage, is_new=bool(newly_failing))
            return
        self._outages.poll_succeeded()
        for subscription in {each for order_id in newly_failing for each in self._subscriptions_of(order_id)}:
            subscription.publish(outage)

    async def _status_reader(self) -> StatusReader:
        client = await self._client.get()
        if self._reader is None:
            # Imported already, in a thread, by the first call of `get`.
            from airflow_provider_ard.api.orders.status_reader import StatusReader

            self._reader = StatusReader(client)
        # What it has learned outlasts the client, which is replaced after a refused login.
        self._reader.client = client
        return self._reader

    def _publish(self, updates: Updates) -> None:
        """Publish updates to all subscribers of the orders, due or not, so that all of them know the same status."""
        from airflow_provider_ard.api.orders.status import State

        for order_id, update in updates.items():
            for subscription in self._subscriptions_of(order_id):
                subscription.publish(update)
            if not isinstance(update, ArdError) and update.state is State.RUNNING:
                self._published[order_id] = update.status

    def _publish_to_all(self, error: Exception) -> None:
        for subscription in self._subscriptions:
            subscription.publish(error)

    def _subscriptions_of(self, order_id: str) -> Iterator[Subscription]:
        if self._index is None:
            self._index = _SubscriptionIndex(self._subscriptions)
        return self._index.subscriptions_of(order_id)
