from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_ard.api.errors import ArdAuthError, ArdNotFoundError, ArdUnavailableError
from airflow_provider_ard.api.http import transport
from airflow_provider_ard.api.orders import status_reader
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import State
from airflow_provider_ard.api.orders.status_reader import StatusReader


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(status_reader, "PAGE_SIZE", 10)
    monkeypatch.setattr(transport, "PAGE_SIZE", 10)


@pytest.fixture
def place_orders(ard, client):
    def place_orders(count):
        request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p")
        return [client.submit_order(request).id for _ in range(count)]

    return place_orders


@pytest.fixture
def request_counts(ard):
    """Return a function that counts the requests since its last call: of the list, and of single orders."""
    seen = [0]

    def request_counts():
        new = [r.endpoint for r in ard.requests[seen[0] :] if r.endpoint.startswith("GET /order")]
        seen[0] = len(ard.requests)
        lists = sum("/status/" not in endpoint for endpoint in new)
        return lists, len(new) - lists

    return request_counts


def poll(reader, ids, known_statuses=None):
    """Return the finished poll, the IDs that it read, and its updates."""
    poll = reader.start_poll(ids, known_statuses or {})
    read_ids, updates = set(), {}
    while not poll.is_finished:
        before = set(poll.unread)
        new_updates = poll.request_next()
        assert new_updates.keys() <= before - poll.unread
        read_ids |= before - poll.unread
        updates |= new_updates
    return poll, read_ids, updates


def read(reader, ids):
    """Return the statuses of all orders."""
    finished, read_ids, updates = poll(reader, ids)
    if finished.outage:
        raise finished.outage
    assert read_ids == updates.keys() == set(ids)
    return updates


def test_many_orders_are_read_from_the_list(client, place_orders, request_counts):
    ids = place_orders(25)
    request_counts()
    statuses = read(StatusReader(client), ids)
    assert {status.state for status in statuses.values()} == {State.RUNNING}
    assert request_counts() == (3, 0)


def test_full_details_of_running_orders_take_single_requests(ard, client, place_orders):
    statuses = read(StatusReader(client, full_details=True), place_orders(2))
    assert [status.acquisition_ids for status in statuses.values()] == [ard.acquisitions[:1]] * 2


def test_one_order_takes_a_single_request(client, place_orders, request_counts):
    ids = place_orders(3)
    request_counts()
    read(StatusReader(client), ids[:1])
    assert request_counts() == (0, 1)


def test_no_further_pages_are_read_once_all_orders_were_listed(client, place_orders, request_counts):
    ids = place_orders(21)
    request_counts()
    read(StatusReader(client), ids[-4:])
    assert request_counts() == (1, 0)


def test_unlisted_orders_are_requested_one_by_one_from_then_on(ard, client, place_orders, request_counts, monkeypatch):
    # The sandbox's clock goes forward only.
    monkeypatch.setattr(status_reader, "MAX_RUNNING_AGE", timedelta(days=-3))
    old = place_orders(2)
    ard.clock.advance("5d")
    # A new token; the POST of an order is not repeated with one.
    client.whoami()
    new = place_orders(12)
    reader = StatusReader(client)
    request_counts()
    for _ in range(2):
        statuses = read(reader, old + new)
        assert {status.state for status in statuses.values()} <= {State.RUNNING, State.SUCCEEDED}
        assert request_counts() == (2, 2)


def test_list_that_takes_more_requests_is_not_read_again(client, place_orders, request_counts):
    few = place_orders(3)
    place_orders(60)
    reader = StatusReader(client)
    request_counts()
    read(reader, few)
    first = request_counts()
    assert first == (3, 3)
    read(reader, few)
    assert request_counts() == (0, 3)


def test_list_with_fewer_than_two_of_the_orders_per_page_is_not_read_again(client, place_orders, request_counts):
    few = place_orders(3)
    place_orders(12)
    reader = StatusReader(client)
    request_counts()
    read(reader, few)
    assert request_counts() == (2, 0)
    read(reader, few)
    assert request_counts() == (0, 3)


def test_list_is_tried_again_after_a_while(client, place_orders, request_counts, monkeypatch):
    monkeypatch.setattr(status_reader, "LIST_CACHE_TTL_S", 0.0)
    few = place_orders(3)
    place_orders(60)
    reader = StatusReader(client)
    read(reader, few)
    request_counts()
    read(reader, few)
    assert request_counts() == (3, 3)


def test_listed_order_has_the_report_of_a_single_request(ard, client, place_orders):
    ids = place_orders(5)
    ard.finish_order(ids[1])
    ard.fail_order(ids[2], "no imagery")
    statuses = read(StatusReader(client), ids)
    for order_id in ids[1:3]:
        assert statuses[order_id].report() == client.get_order(order_id).report()
    assert statuses[ids[2]].status_message == "no imagery"


def test_unknown_order_does_not_affect_others(client, place_orders, no_grace):
    ids = place_orders(2)
    statuses = read(StatusReader(client), [*ids, "404404"])
    assert isinstance(statuses["404404"], ArdNotFoundError)
    assert statuses[ids[0]].state is State.RUNNING


@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 500}, {"kind": "gateway_html", "status": 200}, {"kind": "status", "status": 400}],
)
def test_failing_list_is_not_read_again(ard, client, place_orders, request_counts, fault):
    ids = place_orders(3)
    ard.faults.add("GET /order", **fault)
    reader = StatusReader(client)
    read(reader, ids)
    request_counts()
    read(reader, ids)
    assert request_counts() == (0, 3)


def test_outage_ends_the_poll(ard, client, place_orders):
    ids = place_orders(3)
    ard.faults.add(None, kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        read(StatusReader(client), ids)


def test_retry_after_of_the_list_stops_all_requests(ard, client, place_orders, request_counts):
    ids = place_orders(3)
    ard.faults.add("GET /order", kind="status", status=429, retry_after=600)
    request_counts()
    with pytest.raises(ArdUnavailableError) as caught:
        read(StatusReader(client), ids)
    assert caught.value.retry_after == 600
    assert request_counts() == (1, 0)


def test_rejected_login_is_raised(ard, client, place_orders):
    ids = place_orders(3)
    ard.faults.add("GET /order", kind="status", status=401)
    with pytest.raises(ArdAuthError):
        read(StatusReader(client), ids)


def test_forbidden_list_is_not_read_again(ard, client, place_orders, request_counts):
    ids = place_orders(3)
    ard.faults.add("GET /order", kind="status", status=403)
    reader = StatusReader(client)
    assert read(reader, ids).keys() == set(ids)
    request_counts()
    assert read(reader, ids).keys() == set(ids)
    assert request_counts() == (0, 3)


def test_forbidden_order_does_not_affect_others(ard, client, place_orders, no_grace):
    ids = place_orders(2)
    ard.faults.add("GET /order", kind="status", status=403)
    ard.faults.add(f"GET /order/status/{ids[0]}", kind="status", status=403)
    statuses = read(StatusReader(client), ids)
    assert isinstance(statuses[ids[0]], ArdAuthError)
    assert statuses[ids[1]].status == "RUNNING"


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "gateway_html", "status": 200}])
def test_failing_order_does_not_affect_others(ard, client, place_orders, fault):
    bad, *good = sorted(place_orders(4))
    ard.faults.add("GET /order", kind="status", status=500)
    ard.faults.add(f"GET /order/status/{bad}", **fault)
    reader = StatusReader(client)
    for _ in range(2):
        finished, read_ids, _ = poll(reader, [bad, *good])
        assert bad in str(finished.outage)
        assert read_ids == set(good)


def test_outage_does_not_take_a_request_per_order(ard, client, place_orders, request_counts):
    ids = place_orders(9)
    ard.faults.add(None, kind="status", status=503)
    request_counts()
    with pytest.raises(ArdUnavailableError):
        read(StatusReader(client), ids)
    assert request_counts() == (transport.MAX_ATTEMPTS, status_reader.MAX_FAILURES_IN_A_ROW * transport.MAX_ATTEMPTS)


@pytest.mark.parametrize("count", [1, 25])
def test_unchanged_status_of_a_running_order_is_no_update(ard, client, place_orders, count):
    ids = place_orders(count)
    known_statuses = dict.fromkeys(ids, "RUNNING")
    reader = StatusReader(client)
    finished, read_ids, updates = poll(reader, ids, known_statuses)
    assert (finished.outage, read_ids, updates) == (None, set(ids), {})
    ard.finish_order(ids[-1])
    _, _, updates = poll(reader, ids, known_statuses)
    assert {order_id: status.state for order_id, status in updates.items()} == {ids[-1]: State.SUCCEEDED}


def test_outage_of_an_order_keeps_updates_of_others(ard, client, place_orders):
    ids = place_orders(3)
    reader = StatusReader(client)
    ard.faults.add("GET /order", kind="status", status=500)
    ard.faults.add(f"GET /order/status/{ids[1]}", kind="status", status=500)
    finished, read_ids, _ = poll(reader, ids)
    assert finished.outage
    assert read_ids == {ids[0], ids[2]}


def test_list_is_read_again_after_an_outage(ard, client, place_orders, request_counts):
    ids = place_orders(3)
    reader = StatusReader(client)
    fault = ard.faults.add(None, kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        read(reader, ids)
    ard.faults.remove(fault)
    request_counts()
    read(reader, ids)
    assert request_counts() == (1, 0)


def test_retry_after_of_an_order_does_not_block_others(ard, client, place_orders, monkeypatch):
    monkeypatch.setattr(status_reader, "LIST_CACHE_TTL_S", 0.0)
    bad, good = sorted(place_orders(2))
    ard.faults.add("GET /order", kind="status", status=400)
    ard.faults.add(f"GET /order/status/{bad}", kind="status", status=503, retry_after=1)
    reader, all_read_ids = StatusReader(client.single_attempt()), set()
    for _ in range(2):
        finished, read_ids, _ = poll(reader, [bad, good])
        assert finished.outage
        all_read_ids |= read_ids
    assert all_read_ids == {good}
