"""Everything the sandbox remembers, apart from the server, which may be stopped and started over it."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from random import Random

from airflow_provider_ard.sandbox.accounts import Account, Tokens
from airflow_provider_ard.sandbox.catalog import Catalog
from airflow_provider_ard.sandbox.delivery import deliver
from airflow_provider_ard.sandbox.faults import Faults
from airflow_provider_ard.sandbox.journal import Journal
from airflow_provider_ard.sandbox.orders import Order, OrderBook
from airflow_provider_ard.sandbox.storage import Storage


class State:
    """Accounts, catalogue, orders, faults and journal of one sandbox.

    ``order_duration`` and ``token_lifetime`` are in seconds. ``storage`` None delivers nothing: orders succeed
    all the same. ``today`` None takes the day that the catalogue names, else the calendar's.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        storage: Storage | None,
        order_duration: float,
        order_status_calls: int | None,
        token_lifetime: float,
        rotate_refresh_tokens: bool,
        prices: Mapping[str, float | None],
        today: date | None,
        pixels: int,
        seed: int,
    ) -> None:
        self.account = Account()
        self.catalog = catalog
        self.storage = storage
        self.journal = Journal()
        self.faults = Faults(Random(f"faults {seed}"))  # noqa: S311 - chance that can be had again
        self.tokens = Tokens(self.account, token_lifetime, rotate=rotate_refresh_tokens)
        self._pixels = pixels
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ard-delivery")
        self.orders = OrderBook(
            duration=order_duration,
            status_calls=order_status_calls,
            deliver=self._start_delivery,
            today=_clock(today or catalog.as_of),
            prices=prices,
            random=Random(f"orders {seed}"),  # noqa: S311
        )

    def close(self) -> None:
        """Drop the deliveries not yet begun and wait for the others."""
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _start_delivery(self, order: Order) -> "Future[datetime]":
        if self.storage is None:
            done: Future[datetime] = Future()
            done.set_result(order.created)
            return done
        return self._workers.submit(deliver, order.id, order.checked, self.storage, self._pixels)


def _clock(today: date | None) -> Callable[[], date]:
    return lambda: today or datetime.now(UTC).date()
