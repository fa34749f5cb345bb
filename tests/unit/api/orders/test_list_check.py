"""Orders end although the list lags or is stale."""

from __future__ import annotations

import pytest

from airflow_provider_ard.api.orders import list_check, status_reader
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status_reader import StatusReader

INTERVAL = 60.0


class Clock:
    now = 1_000_000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (list_check, status_reader):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def order_ids(ard, client):
    request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p")
    return [client.submit_order(request).id for _ in range(6)]


@pytest.fixture
def many_orders(monkeypatch):
    """Verify the few orders of a test as rarely as if they were many."""
    monkeypatch.setattr(list_check, "VERIFY_AFTER_S_PER_ORDER", list_check.VERIFY_AFTER_S)


@pytest.fixture
def stale_list(ard):
    """Let the list show every order as running."""
    return ard.faults.add("GET /order", kind="set_json", path="data[*].status", value="RUNNING")


def poll(reader, order_ids):
    """Return the statuses after one poll, and the number of single requests."""
    poll, statuses, single_requests = reader.start_poll(order_ids), {}, 0
    while not poll.is_finished:
        single_requests += poll._pages is None
        statuses |= {order_id: order.status for order_id, order in poll.request_next().items()}
    assert poll.outage is None
    return statuses, single_requests


def polls_until_ended(reader, order_id, order_ids, clock):
    for number in range(1, 200):
        clock.now += INTERVAL
        if poll(reader, order_ids)[0][order_id] == "SUCCEEDED":
            return number
    pytest.fail("the wait never ends")


def test_each_of_many_orders_is_requested_individually_each_hour(client, order_ids, clock, many_orders):
    reader, single_requests = StatusReader(client), []
    for _ in range(120):
        single_requests.append(poll(reader, order_ids)[1])
        clock.now += INTERVAL
    # Each order once in the first hour and once in the second.
    assert len(order_ids) * 2 <= sum(single_requests) + 1 <= len(order_ids) * 3
    assert max(single_requests) < len(order_ids)


def test_few_orders_are_requested_individually_more_often(client, order_ids, clock):
    reader, single_requests = StatusReader(client), []
    for _ in range(100):
        single_requests.append(poll(reader, order_ids)[1])
        clock.now += 10.0
    per_minute = sum(single_requests) / 100 * 6
    assert 4 <= per_minute <= 10


@pytest.mark.parametrize("interval", [60.0, 900.0])
def test_end_of_one_of_few_orders_is_seen_although_the_list_is_stale(
    ard, client, order_ids, stale_list, clock, interval
):
    reader, few = StatusReader(client), order_ids[: int(interval // list_check.VERIFY_AFTER_S_PER_ORDER)]
    for _ in range(2):
        poll(reader, few)
        clock.now += interval
    ard.finish_order(few[0])
    assert poll(reader, few)[0][few[0]] == "SUCCEEDED"


def test_order_ends_although_the_list_is_stale(ard, client, order_ids, stale_list, clock, many_orders):
    reader, first = StatusReader(client), order_ids[0]
    poll(reader, order_ids)
    ard.finish_order(first)
    assert polls_until_ended(reader, first, order_ids, clock) <= list_check.VERIFY_AFTER_S / INTERVAL + 1


def test_lagging_list_is_not_trusted(ard, client, order_ids, stale_list, clock, many_orders):
    reader, first, *others = StatusReader(client), *order_ids
    poll(reader, order_ids)
    ard.finish_order(first)
    polls_until_ended(reader, first, order_ids, clock)
    clock.now += INTERVAL
    poll(reader, others)
    for order_id in others:
        # Also after the interval in which the list is not read.
        clock.now += status_reader.LIST_CACHE_TTL_S
        ard.finish_order(order_id)
        assert polls_until_ended(reader, order_id, others, clock) == 1


def test_recovered_list_is_trusted_again(ard, client, order_ids, stale_list, clock, many_orders):
    reader, first, *others = StatusReader(client), *order_ids
    poll(reader, order_ids)
    ard.finish_order(first)
    polls_until_ended(reader, first, order_ids, clock)
    clock.now += INTERVAL
    assert poll(reader, others)[1] == len(others)
    ard.faults.remove(stale_list)
    clock.now += status_reader.LIST_CACHE_TTL_S
    assert poll(reader, others)[1] < len(others)
    assert not reader.list_check.lags


def test_order_ending_between_two_requests_is_no_lag(ard, client, order_ids, clock, monkeypatch):
    monkeypatch.setattr(list_check, "VERIFY_AFTER_S", 0.0)
    monkeypatch.setattr(list_check.ListCheck, "due", lambda self, ids, _: {order_ids[0]} & set(ids))
    reader = StatusReader(client)
    running = reader.start_poll(order_ids)
    running.request_next()
    ard.finish_order(order_ids[0])
    assert running.request_next()[order_ids[0]].status == "SUCCEEDED"
    clock.now += INTERVAL
    assert poll(reader, order_ids[1:])[1] == 0
    assert not reader.list_check.lags


def test_reader_that_polls_once_checks_a_random_order(ard, client, order_ids, stale_list):
    ard.finish_order(order_ids[0])
    statuses = [poll(StatusReader(client, polls_once=True), order_ids) for _ in range(100)]
    assert {single_requests for _, single_requests in statuses} == {1}
    assert "SUCCEEDED" in {status[order_ids[0]] for status, _ in statuses}
