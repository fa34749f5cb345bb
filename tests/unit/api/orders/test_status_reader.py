from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_ard.api.errors import ArdAuthError, ArdNotFoundError, ArdUnavailableError
from airflow_provider_ard.api.http import transport
from airflow_provider_ard.api.orders import status_reader as statuses
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import State
from airflow_provider_ard.api.orders.status_reader import StatusReader


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(statuses, "PAGE_SIZE", 10)
    monkeypatch.setattr(transport, "PAGE_SIZE", 10)


@pytest.fixture
def place_orders(ard, client):
    def place_orders(count):
        request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="b/p")
        return [client.submit_order(request).id for _ in range(count)]

    return place_orders


@pytest.fixture
def request_counts(ard):
    """Return a function that returns what has been asked since its last call: how often the list, how often singly."""
    seen = [0]

    def request_counts():
        new = [r.endpoint for r in ard.requests[seen[0] :] if r.endpoint.startswith("GET /order")]
        seen[0] = len(ard.requests)
        lists = sum("/status/" not in endpoint for endpoint in new)
        return lists, len(new) - lists

    return request_counts


def all_of(reader, ids):
    answers = {}
    for found in reader.read(ids):
        assert not answers.keys() & found.keys()
        answers |= found
    assert answers.keys() == set(ids)
    return answers


def test_many_orders_are_read_from_the_list_a_page_at_a_time(client, place_orders, request_counts):
    ids = place_orders(25)
    request_counts()
    answers = all_of(StatusReader(client), ids)
    assert {answer.state for answer in answers.values()} == {State.RUNNING}
    assert request_counts() == (3, 0)


def test_all_about_orders_that_go_on_is_asked_for_singly_where_that_is_wanted(ard, client, place_orders):
    answers = all_of(StatusReader(client, whole=True), place_orders(2))
    assert [answer.acquisition_ids for answer in answers.values()] == [ard.acquisitions[:1]] * 2


def test_one_order_is_asked_for_singly(client, place_orders, request_counts):
    ids = place_orders(3)
    request_counts()
    all_of(StatusReader(client), ids[:1])
    assert request_counts() == (0, 1)


def test_the_list_is_left_as_soon_as_all_have_been_seen(client, place_orders, request_counts):
    ids = place_orders(21)
    request_counts()
    all_of(StatusReader(client), ids[-4:])
    assert request_counts() == (1, 0)


def test_what_the_list_does_not_show_is_asked_for_singly_and_not_looked_for_there_again(
    ard, client, place_orders, request_counts, monkeypatch
):
    # The sandbox's clock goes forward only.
    monkeypatch.setattr(statuses, "OLDEST_RUNNING", timedelta(days=-3))
    old = place_orders(2)
    ard.clock.advance("5d")
    new = place_orders(12)
    reader = StatusReader(client)
    request_counts()
    for _ in range(2):
        answers = all_of(reader, old + new)
        assert {answer.state for answer in answers.values()} <= {State.RUNNING, State.SUCCEEDED}
        assert request_counts() == (2, 2)


def test_a_list_that_is_longer_than_single_questions_is_left_alone_the_next_time(client, place_orders, request_counts):
    few = place_orders(3)
    place_orders(60)
    reader = StatusReader(client)
    request_counts()
    all_of(reader, few)
    first = request_counts()
    assert first == (3, 3)
    all_of(reader, few)
    assert request_counts() == (0, 3)


def test_what_was_learned_is_forgotten_after_a_while(client, place_orders, request_counts, monkeypatch):
    monkeypatch.setattr(statuses, "FORGET_AFTER_S", 0.0)
    few = place_orders(3)
    place_orders(60)
    reader = StatusReader(client)
    all_of(reader, few)
    request_counts()
    all_of(reader, few)
    assert request_counts() == (3, 3)


def test_an_order_that_has_ended_says_the_same_as_if_it_had_been_asked_for_alone(ard, client, place_orders):
    ids = place_orders(5)
    ard.finish_order(ids[1])
    ard.fail_order(ids[2], "no imagery")
    answers = all_of(StatusReader(client), ids)
    for order_id in ids[1:3]:
        assert answers[order_id].report() == client.get_order(order_id).report()
    assert answers[ids[2]].status_message == "no imagery"


def test_an_unknown_order_is_its_own_error_only(client, place_orders):
    ids = place_orders(2)
    answers = all_of(StatusReader(client), [*ids, "404404"])
    assert isinstance(answers["404404"], ArdNotFoundError)
    assert answers[ids[0]].state is State.RUNNING


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 500}, {"kind": "gateway_html", "status": 200}, {"kind": "status", "status": 400}]
)
def test_a_list_that_fails_while_single_orders_do_not_is_left_alone(ard, client, place_orders, request_counts, fault):
    ids = place_orders(3)
    ard.faults.add("GET /order", **fault)
    reader = StatusReader(client)
    all_of(reader, ids)
    request_counts()
    all_of(reader, ids)
    assert request_counts() == (0, 3)


def test_an_outage_is_raised(ard, client, place_orders):
    ids = place_orders(3)
    ard.faults.add(None, kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        all_of(StatusReader(client), ids)


def test_a_list_that_asks_to_be_left_alone_stops_all_questions(ard, client, place_orders, request_counts):
    ids = place_orders(3)
    ard.faults.add("GET /order", kind="status", status=429, retry_after=600)
    request_counts()
    with pytest.raises(ArdUnavailableError) as caught:
        all_of(StatusReader(client), ids)
    assert caught.value.retry_after == 600
    assert request_counts() == (1, 0)


def test_a_refused_login_is_raised(ard, client, place_orders):
    ids = place_orders(3)
    ard.faults.add("GET /order", kind="status", status=401)
    with pytest.raises(ArdAuthError):
        all_of(StatusReader(client), ids)


def test_a_list_that_is_forbidden_is_gone_without(ard, client, place_orders, request_counts):
    ids = place_orders(3)
    ard.faults.add("GET /order", kind="status", status=403)
    reader = StatusReader(client)
    assert all_of(reader, ids).keys() == set(ids)
    request_counts()
    assert all_of(reader, ids).keys() == set(ids)
    assert request_counts() == (0, 3)


def test_an_order_that_is_forbidden_is_that_orders_own_error(ard, client, place_orders):
    ids = place_orders(2)
    ard.faults.add("GET /order", kind="status", status=403)
    ard.faults.add(f"GET /order/status/{ids[0]}", kind="status", status=403)
    found = all_of(StatusReader(client), ids)
    assert isinstance(found[ids[0]], ArdAuthError)
    assert found[ids[1]].status == "RUNNING"


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "gateway_html", "status": 200}])
def test_an_order_in_trouble_keeps_no_other_from_being_asked_for(ard, client, place_orders, fault):
    bad, *good = sorted(place_orders(4))
    ard.faults.add("GET /order", kind="status", status=500)
    ard.faults.add(f"GET /order/status/{bad}", **fault)
    reader = StatusReader(client)
    for _ in range(2):
        found = {}
        with pytest.raises(ArdUnavailableError, match=bad):
            list(map(found.update, reader.read([bad, *good])))
        assert found.keys() == set(good)


def test_an_outage_is_not_asked_about_for_each_order(ard, client, place_orders, request_counts):
    ids = place_orders(9)
    ard.faults.add(None, kind="status", status=503)
    request_counts()
    with pytest.raises(ArdUnavailableError):
        all_of(StatusReader(client), ids)
    assert request_counts() == (transport.MAX_ATTEMPTS, statuses.AN_OUTAGE * transport.MAX_ATTEMPTS)


@pytest.mark.parametrize("count", [1, 25])
def test_of_orders_that_go_on_as_is_known_nothing_is_told(ard, client, place_orders, count):
    ids = place_orders(count)
    known = dict.fromkeys(ids, "RUNNING")
    reader = StatusReader(client)
    assert not any(reader.read(ids, known))
    assert not reader.unanswered
    ard.finish_order(ids[-1])
    (found,) = filter(None, reader.read(ids, known))
    assert {name: answer.state for name, answer in found.items()} == {ids[-1]: State.SUCCEEDED}


def test_what_has_not_been_answered_for_is_known_after_an_outage(ard, client, place_orders):
    ids = place_orders(3)
    reader = StatusReader(client)
    ard.faults.add("GET /order", kind="status", status=500)
    ard.faults.add(f"GET /order/status/{ids[1]}", kind="status", status=500)
    with pytest.raises(ArdUnavailableError):
        list(reader.read(ids))
    assert reader.unanswered == {ids[1]}


def test_after_an_outage_the_list_is_read_again(ard, client, place_orders, request_counts):
    ids = place_orders(3)
    reader = StatusReader(client)
    fault = ard.faults.add(None, kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        list(reader.read(ids))
    ard.faults.remove(fault)
    request_counts()
    all_of(reader, ids)
    assert request_counts() == (1, 0)


def test_an_order_that_asks_to_be_left_alone_keeps_no_other_from_being_asked_for_later(
    ard, client, place_orders, monkeypatch
):
    monkeypatch.setattr(statuses, "FORGET_AFTER_S", 0.0)
    bad, good = sorted(place_orders(2))
    ard.faults.add("GET /order", kind="status", status=400)
    ard.faults.add(f"GET /order/status/{bad}", kind="status", status=503, retry_after=1)
    reader, found = StatusReader(client.single_attempt()), {}
    for _ in range(2):
        with pytest.raises(ArdUnavailableError):
            list(map(found.update, reader.read([bad, good])))
    assert found.keys() == {good}
