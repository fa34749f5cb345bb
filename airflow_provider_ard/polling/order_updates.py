"""`order_updates`: one poll of orders, as the sensor and the command line make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_ard.api.errors import ArdError, ArdUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_ard.api.orders.status import OrderStatus
    from airflow_provider_ard.api.orders.status_reader import StatusReader


def order_updates(reader: StatusReader, order_ids: Collection[str]) -> Iterator[OrderStatus | ArdUnavailableError]:
    """Yield the statuses of one poll, and an `ArdUnavailableError` for each order that the API begins to refuse.

    Raises the `ArdError` that ends a wait, or at the end of the poll the outage because of which orders are unread.
    """
    poll = reader.start_poll(order_ids)
    while not poll.is_finished:
        for update in poll.request_next().values():
            if isinstance(update, ArdError) and not isinstance(update, ArdUnavailableError):
                raise update
            yield update
    if poll.outage:
        raise poll.outage
