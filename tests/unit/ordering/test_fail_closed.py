"""No sequence of events buys twice, or buys more than was asked for: one test for each way that it once did."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import (
    ArdError,
    ArdNotFoundError,
    ArdOrderConflict,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering import existing_orders
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from airflow_provider_ard.ordering.placement import OrderPlacement, place_order
from airflow_provider_ard.ordering.submission_store import NullSubmissionStore, SubmissionRecord
from airflow_provider_ard.ordering.task_state import Attempt
from airflow_provider_ard.sandbox import Sandbox

KEY = IdempotencyKey("dag", "order", "scheduled__2026-01-01T00:00:00+00:00")
RETRY = Attempt(is_first=False)
CLEARED = Attempt(series=1, clear_number=1, is_first=False)


class MemoryStore:
    """A submission store as Airflow 3.3 has one."""

    def __init__(self, record=None):
        self.record = record

    def load(self):
        return self.record

    def save(self, record):
        self.record = record


@pytest.fixture(autouse=True)
def short_window(monkeypatch):
    monkeypatch.setattr(existing_orders, "SEARCH_WINDOW_S", 0.5)
    monkeypatch.setattr(existing_orders, "LAST_SEARCH_TIMEOUT_S", 0.5)


@pytest.fixture
def request_for(ard):
    def make(number=0, **arguments):
        acquisitions = ard.acquisitions[number]
        return OrderRequest.of(**({"acquisitions": acquisitions, "destination": "s3://bkt/p"} | arguments))

    return make


def order_once(client, request, key=KEY, **options):
    return place_order(client, request, key, **options)


def in_doubt():
    return MemoryStore(SubmissionRecord(submitted=True, series=0, existing_order_ids=()))


# 1. Search for an earlier order


def test_list_outage_during_the_search_window_buys_nothing(ard, client, request_for):
    ard.faults.add("GET /order", nth=2, times=100_000, kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for(), store=in_doubt())
    assert ard.submissions == []


def test_order_in_doubt_is_placed_after_a_complete_search(ard, client, request_for):
    assert order_once(client, request_for(), store=in_doubt()).is_new
    assert len(ard.orders) == 1


def test_order_listed_late_is_found_within_the_window(ard, client, request_for):
    first = order_once(client, request_for())
    ard.faults.add("GET /order", times=2, kind="body", body='{"data": [], "has_more": false}')
    placed = order_once(client, request_for(), store=in_doubt())
    assert (placed.order.id, placed.is_new) == (first.order.id, False)


def test_hanging_list_ends_with_the_window(ard, request_for):
    with ArdClient(Login(ard.login, ard.password), host=ard.url, timeout=60) as client:
        client.whoami()
        ard.faults.add("GET /order", nth=2, times=100_000, kind="latency", seconds=30)
        started_at = time.monotonic()
        with pytest.raises(ArdUnavailableError):
            order_once(client, request_for(), store=in_doubt())
        assert time.monotonic() - started_at < 10
    assert ard.submissions == []


# 2. List responses that prove nothing


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"message": "all fine"}',
        '{"data": null, "has_more": false}',
        '{"data": {}, "has_more": false}',
        '{"orders": [], "has_more": false}',
        '{"data": [{"status": "RUNNING"}], "has_more": false}',
        '{"data": [{"id": null}], "has_more": false}',
        '{"data": [{"id": true}], "has_more": false}',
        '{"data": [5], "has_more": false}',
        '{"data": [], "has_more": true}',
        '{"data": []}',
        '{"data": [], "has_more": "false"}',
        '{"data": [], "has_more": null}',
        "[]",
        "null",
        "",
        '{"data": [',
    ],
)
def test_malformed_list_buys_nothing(ard, client, request_for, body):
    ard.faults.add("GET /order", kind="body", body=body)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert ard.submissions == []


def test_list_that_repeats_a_page_buys_nothing(ard, client, request_for):
    order_once(client, request_for())
    ard.faults.add("GET /order", kind="set_json", path="$.has_more", value=True)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert len(ard.submissions) == 1


# 3. Ignored filter


def test_ignored_filter_is_paged_through(ard, client, request_for):
    mine = order_once(client, request_for())
    for number in range(150):
        order_once(client, request_for(), IdempotencyKey("dag", "order", f"run {number}"))
    ard.faults.add("GET /order", kind="ignore_filter")
    assert order_once(client, request_for()).order.id == mine.order.id
    assert order_once(client, request_for(), IdempotencyKey("dag", "order", "another run")).is_new


def test_ignored_filter_with_more_orders_than_can_be_read_buys_nothing(ard, client, request_for, monkeypatch):
    for number in range(5):
        order_once(client, request_for(), IdempotencyKey("dag", "order", f"run {number}"))
    monkeypatch.setattr(existing_orders, "MAX_ROWS", 3)
    ard.faults.add("GET /order", kind="ignore_filter")
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert len(ard.submissions) == 5


def test_orders_of_the_sdk_do_not_matter_if_the_filter_is_ignored(ard, client, request_for):
    client.submit_order(request_for())
    client.submit_order(request_for(metadata={"campaign": "spring"}))
    ard.faults.add("GET /order", kind="ignore_filter")
    assert order_once(client, request_for()).is_new


# 4. and 5. Metadata in other forms


@pytest.mark.parametrize("kind", ["metadata_as_strings", "metadata_at_row_level"])
@pytest.mark.parametrize("if_exists", ["reuse", "resubmit"])
def test_metadata_in_another_form_is_recognized(ard, client, request_for, kind, if_exists):
    first = order_once(client, request_for())
    ard.faults.add("GET /order*", kind=kind)
    assert order_once(client, request_for(), if_exists=if_exists, attempt=RETRY).order.id == first.order.id


def test_metadata_of_the_single_status_is_enough(ard, client, request_for):
    first = order_once(client, request_for())
    ard.faults.add("GET /order", kind="metadata_absent")
    assert order_once(client, request_for()).order.id == first.order.id


def test_metadata_that_can_be_read_nowhere_buys_nothing(ard, client, request_for):
    first = order_once(client, request_for())
    ard.faults.add("GET /order*", kind="metadata_absent")
    with pytest.raises(ArdUnavailableError) as caught:
        order_once(client, request_for())
    assert caught.value.order_id == first.order.id
    assert len(ard.submissions) == 1


def test_metadata_that_comes_back_empty_buys_nothing(ard, client, request_for):
    order_once(client, request_for())
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].order.metadata", value={})
    ard.faults.add("GET /order/status/*", kind="set_json", path="$.order.metadata", value={})
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert len(ard.submissions) == 1


# 6. to 10. Responses to the POST


class ResettingProxy(BaseHTTPRequestHandler):
    """An HTTP proxy that passes requests on, and resets the connection instead of returning the order's response."""

    def do_GET(self):
        self.forward()

    def do_POST(self):
        self.forward()

    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {key: value for key, value in self.headers.items() if key.lower() not in {"proxy-connection", "host"}}
        session = requests.Session()
        session.trust_env = False
        response = session.request(self.command, self.path, data=body, headers=headers, timeout=5)
        if self.command == "POST" and self.path.rstrip("/").endswith("/order"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            return
        self.send_response(response.status_code)
        self.send_header("content-length", str(len(response.content)))
        self.end_headers()
        self.wfile.write(response.content)

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), ResettingProxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    yield server
    server.shutdown()
    server.server_close()


def test_reset_by_a_proxy_after_accept_finds_the_order(ard, client, proxy, request_for):
    placed = order_once(client, request_for())
    assert [order.id for order in ard.orders] == [placed.order.id]


def test_closed_port_of_a_proxy_is_proof_that_nothing_was_sent(ard, client, request_for, monkeypatch):
    placement = OrderPlacement(client, request_for(), KEY)
    assert placement.find_existing() is None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ArdUnavailableError) as caught:
        placement.submit()
    assert not isinstance(caught.value, ArdOrderInDoubtError)


def test_tls_break_after_accept_finds_the_order(monkeypatch):
    with Sandbox(order_duration="3d", tls=True) as ard:
        ard.faults.add("POST /order", nth=1, kind="tls_break_after_accept")
        with ArdClient(Login(ard.login, ard.password), host=ard.url, verify=str(ard.ca_file), timeout=5) as client:
            request = OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p")
            placed = order_once(client, request)
        assert [order.id for order in ard.orders] == [placed.order.id]


AFTER_ACCEPT = [
    {"kind": "redirect_after_accept", "status": 302},
    {"kind": "redirect_after_accept", "status": 303},
    {"kind": "redirect_after_accept", "status": 307},
    *({"kind": "gateway_json", "accept": True, "status": status} for status in (400, 401, 403, 404, 413, 429)),
    *({"kind": "body", "accept": True, "body": "", "status": status} for status in (200, 202, 204, 409)),
    *(
        {"kind": "set_json", "path": "$.id", "value": value}
        for value in (True, [], {}, "", "x" * 3000, None, 1.5, -1, "../order", "a b")
    ),
    {"kind": "drop_json", "path": "$.id"},
    {"kind": "reset_after_accept"},
    {"kind": "error_after_accept"},
]


@pytest.mark.parametrize("fault", AFTER_ACCEPT, ids=str)
def test_response_that_confirms_nothing_is_followed_by_a_search(ard, client, request_for, fault):
    ard.faults.add("POST /order", nth=1, **fault)
    placed = order_once(client, request_for())
    assert [order.id for order in ard.orders] == [placed.order.id]
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("fault", AFTER_ACCEPT, ids=str)
def test_order_in_doubt_is_found_by_the_next_attempt(ard, client, request_for, fault):
    store = MemoryStore()
    ard.faults.add("POST /order", nth=1, **fault)
    rule = ard.faults.add("GET /order", nth=2, times=100_000, kind="status", status=503)
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(), store=store)
    ard.faults.remove(rule)
    placed = order_once(client, request_for(), store=store, attempt=RETRY)
    assert [order.id for order in ard.orders] == [placed.order.id]


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_error_form_of_the_api_is_a_refusal(ard, client, request_for, status):
    store = MemoryStore()
    ard.faults.add("POST /order", nth=1, kind="status", status=status)
    with pytest.raises(ArdError) as caught:
        order_once(client, request_for(), store=store)
    assert not isinstance(caught.value, ArdUnavailableError)
    assert store.record == SubmissionRecord(submitted=False)
    assert order_once(client, request_for(), store=store).is_new


@pytest.mark.parametrize("status", [400, 403, 404])
def test_gateway_json_of_the_list_is_an_outage(ard, client, request_for, status):
    ard.faults.add("GET /order", kind="gateway_json", status=status)
    with pytest.raises(ArdUnavailableError):
        order_once(client, request_for())
    assert ard.submissions == []


# 11. Recorded order that the API does not know


@pytest.mark.parametrize("if_exists", ["reuse", "resubmit"])
def test_unknown_recorded_order_is_an_error_that_names_it(ard, client, request_for, if_exists):
    store = MemoryStore(SubmissionRecord(submitted=True, order_id="404404", series=0))
    with pytest.raises(ArdNotFoundError) as caught:
        order_once(client, request_for(), if_exists=if_exists, store=store, attempt=RETRY)
    assert caught.value.order_id == "404404"
    assert ard.submissions == []


def test_unknown_recorded_order_is_replaced_by_resubmit_after_a_clear(ard, client, request_for):
    store = MemoryStore(SubmissionRecord(submitted=True, order_id="404404", series=0))
    assert order_once(client, request_for(), if_exists="resubmit", store=store, attempt=CLEARED).is_new


# 12. Two deployments that share an account


def test_namespaces_keep_deployments_apart(ard, client, request_for):
    dev, prod = (IdempotencyKey("dag", "order", KEY.run_id, namespace=name) for name in ("dev", "prod"))
    orders = [order_once(client, request_for(number), key) for number, key in enumerate((dev, prod))]
    assert all(placed.is_new for placed in orders)
    assert order_once(client, request_for(0), dev).order.id == orders[0].order.id


def test_conflict_names_the_namespace(ard, client, request_for):
    order_once(client, request_for(0))
    with pytest.raises(ArdOrderConflict, match="namespace"):
        order_once(client, request_for(1))


def test_lost_response_never_adopts_an_order_of_another_request(ard, client, request_for):
    placement = OrderPlacement(client, request_for(0), KEY)
    assert placement.find_existing() is None
    ard.faults.add("POST /order", nth=2, kind="reset_before_accept")
    other = order_once(client, request_for(1))
    with pytest.raises(ArdOrderConflict) as caught:
        placement.submit()
    assert caught.value.order_id == other.order.id


# 13. Mapped task whose list changed


def mapped(index):
    return IdempotencyKey("dag", "order", KEY.run_id, map_index=index)


def attempt(clear_number, instances, *, series=0):
    return Attempt(series=series, clear_number=clear_number, is_first=clear_number == 0, mapped_instances=instances)


def test_mapped_orders_are_matched_by_request_before_index(ard, client, request_for):
    a, b, new = (request_for(number) for number in range(3))
    orders = [
        order_once(client, request, mapped(index), attempt=attempt(0, 2)).order.id
        for index, request in enumerate([a, b])
    ]
    placed = [
        order_once(client, request, mapped(index), attempt=attempt(1, 3, series=1))
        for index, request in enumerate([new, a, b])
    ]
    assert [each.is_new for each in placed] == [True, False, False]
    assert [each.order.id for each in placed[1:]] == orders
    assert len(ard.submissions) == 3


def test_mapped_list_that_shrank_buys_nothing(ard, client, request_for):
    a, b, c = (request_for(number) for number in range(3))
    for index, request in enumerate([a, b, c]):
        order_once(client, request, mapped(index), attempt=attempt(0, 3))
    placed = [
        order_once(client, request, mapped(index), attempt=attempt(1, 2, series=1))
        for index, request in enumerate([c, a])
    ]
    assert not any(each.is_new for each in placed)


def test_changed_argument_of_a_mapped_task_is_a_conflict(ard, client, request_for):
    for index in range(2):
        order_once(client, request_for(index), mapped(index), attempt=attempt(0, 2))
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(0, bba=True), mapped(0), attempt=attempt(1, 2, series=1))
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(0, bba=True), mapped(0), attempt=RETRY)


def test_equal_requests_of_one_mapped_run_are_all_placed(ard, client, request_for):
    placed = [order_once(client, request_for(), mapped(index), attempt=attempt(0, 3)) for index in range(3)]
    assert len({each.order.id for each in placed}) == 3


# 16. and 17. Attempt series


def test_resubmit_reattaches_in_automatic_retries(ard, client, request_for):
    first = order_once(client, request_for(), if_exists="resubmit")
    assert order_once(client, request_for(), if_exists="resubmit", attempt=RETRY).order.id == first.order.id
    second = order_once(client, request_for(), if_exists="resubmit", attempt=CLEARED)
    assert second.is_new
    assert order_once(client, request_for(), if_exists="resubmit", attempt=CLEARED).order.id == second.order.id


def test_advice_of_a_conflict_after_a_lost_response_works(ard, client, request_for):
    store = MemoryStore()
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    rule = ard.faults.add("GET /order", nth=2, times=100_000, kind="status", status=503)
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(0), store=store)
    ard.faults.remove(rule)
    with pytest.raises(ArdOrderConflict) as caught:
        order_once(client, request_for(1), store=store, attempt=RETRY)
    with pytest.raises(ArdOrderConflict):
        order_once(client, request_for(1), store=store, attempt=CLEARED)
    adopted = order_once(client, request_for(1), store=store, attempt=CLEARED, existing_order_id=caught.value.order_id)
    assert adopted.order.id == caught.value.order_id
    new_series = Attempt(series=2, clear_number=2, is_first=False)
    assert order_once(client, request_for(1), if_exists="resubmit", store=store, attempt=new_series).is_new


# 18. Dry run that the API ignored


def test_dry_run_with_an_order_id_stops_before_the_real_order(ard, client, request_for):
    ard.faults.add("POST /order", dry_run=True, kind="set_json", path="$.id", value="4711")
    with pytest.raises(ArdOrderConflict) as caught:
        client.dry_run(request_for())
    assert caught.value.order_id == "4711"
    assert ard.submissions == []


# 19. Two live orders under one key


def test_duplicates_are_reported_and_the_choice_is_stable(ard, client, request_for, log_text):
    tagged = KEY.tag(request_for())
    ids = [client.submit_order(tagged).id for _ in range(2)]
    chosen = {order_once(client, request_for()).order.id for _ in range(3)}
    assert chosen == {min(ids)}
    warnings = log_text("warning")
    assert all(order_id in warnings for order_id in ids)


def test_recorded_order_is_chosen_among_duplicates(ard, client, request_for):
    tagged = KEY.tag(request_for())
    ids = [client.submit_order(tagged).id for _ in range(2)]
    store = MemoryStore(SubmissionRecord(submitted=True, order_id=max(ids), series=0))
    assert order_once(client, request_for(), store=store).order.id == max(ids)


def test_order_bought_by_another_process_during_pricing_is_not_bought_again(ard, client, request_for, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.ordering.placement.SEARCH_AGAIN_AFTER_S", 0.0)
    placement = OrderPlacement(client, request_for(), KEY)
    assert placement.find_existing() is None
    other = client.submit_order(KEY.tag(request_for()))
    with pytest.raises(ArdUnavailableError) as caught:
        placement.submit()
    assert caught.value.order_id == other.id
    assert len(ard.orders) == 1


# Adoption


def test_adopted_order_must_exist_and_not_have_failed(ard, client, request_for):
    with pytest.raises(ArdRequestError) as caught:
        order_once(client, request_for(), existing_order_id="4711")
    assert caught.value.argument == "existing_order_id"
    order = client.submit_order(request_for())
    ard.fail_order(order.id)
    with pytest.raises(ArdRequestError):
        order_once(client, request_for(), existing_order_id=order.id)


def test_adopted_order_is_recorded(ard, client, request_for):
    order = client.submit_order(request_for())
    store = MemoryStore()
    assert not order_once(client, request_for(), existing_order_id=order.id, store=store).is_new
    assert store.record.order_id == order.id


def test_null_store_assumes_a_submission_after_the_first_try(ard, client, request_for):
    assert NullSubmissionStore(after_crash=True).load().is_in_doubt
    assert NullSubmissionStore().load() is None


def test_row_with_odd_fields_still_is_an_order(ard, client, request_for):
    first = order_once(client, request_for())
    for path, value in (("usage", []), ("output_config", "s3"), ("acquisitions", 5)):
        ard.faults.add("GET /order", kind="set_json", path=f"$.data[*].order.{path}", value=value)
    ard.faults.add("GET /order", kind="set_json", path="$.data[*].status_message", value={"Error": "e", "Cause": "c"})
    assert order_once(client, request_for()).order.id == first.order.id
    assert json.loads(json.dumps(order_once(client, request_for()).order.report()))


# Without a record of the orders before a purchase (Airflow before 3.3), older orders do not end the search


def older_order_ended_the_search(ard, client, request_for, attempt, **options):
    """Place an order whose response is lost and which is listed late; return the retry's result."""
    ard.faults.add("POST /order", nth=1, kind="reset_after_accept")
    ard.faults.add("GET /order", nth=2, times=100_000, kind="status", status=503)
    with pytest.raises(ArdOrderInDoubtError):
        order_once(client, request_for(), attempt=attempt, **options)
    ard.faults.clear()
    ard.faults.add(kind="list_lag", seconds=0.8)
    store = NullSubmissionStore(after_crash=True)
    return order_once(client, request_for(), attempt=attempt, store=store, **options)


def test_order_of_an_earlier_series_does_not_end_the_search(ard, client, request_for):
    order_once(client, request_for())
    ard.clock.advance("1m")
    placed = older_order_ended_the_search(ard, client, request_for, CLEARED, if_exists="resubmit")
    assert not placed.is_new
    assert len(ard.orders) == 2


def test_failed_order_does_not_end_the_search(ard, client, request_for):
    ard.fail_order(order_once(client, request_for()).order.id)
    ard.clock.advance("1m")
    placed = older_order_ended_the_search(ard, client, request_for, RETRY)
    assert not placed.is_new
    assert len(ard.orders) == 2


def test_recorded_order_without_metadata_is_no_conflict(ard, client, request_for):
    store = MemoryStore()
    placed = order_once(client, request_for(), store=store)
    ard.faults.add(kind="list_lag", seconds=60)
    rule = ard.faults.add(kind="metadata_absent")
    with pytest.raises(ArdUnavailableError) as caught:
        order_once(client, request_for(), store=store, attempt=RETRY)
    assert caught.value.order_id == placed.order.id
    ard.faults.remove(rule)
    assert order_once(client, request_for(), store=store, attempt=RETRY).order.id == placed.order.id
