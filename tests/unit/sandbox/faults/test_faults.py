import time

import pytest
import requests

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.faults.rules import parse_rule
from tests.unit.sandbox.conftest import Api


def test_error_status_once_with_retry_after(ard, api):
    ard.faults.add(endpoint="POST /order", nth=1, kind="status", status=503, retry_after=2)
    response = api.order()
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "2"
    assert set(response.json()) == {"message", "code", "type"}
    assert ard.orders == []
    assert api.order().status_code == 200
    assert [firing.endpoint for firing in ard.faults.fired] == ["POST /order"]
    assert ard.submissions[0].faults == ["status"]


def test_nth_times_and_clear(ard, api):
    ard.faults.add("GET /order", kind="status", status=429, nth=2, times=2)
    assert [api.get("/order/").status_code for _ in range(5)] == [200, 429, 429, 200, 200]
    ard.faults.add("GET *", kind="status", status=500)
    assert [api.get("/auth/self").status_code for _ in range(2)] == [500, 500]
    ard.faults.clear()
    assert api.get("/auth/self").status_code == 200
    assert len(ard.faults.fired) == 4


def test_gateway_html(ard, api):
    ard.faults.add("GET /order/status/*", kind="gateway_html", times=1)
    response = api.get("/order/status/1")
    assert response.status_code == 502
    assert response.headers["Content-Type"] == "text/html"
    assert response.text.startswith("<html>")


def test_latency(ard, api):
    ard.faults.add("GET /auth/self", kind="latency", seconds="0.3s", times=1)
    start = time.monotonic()
    assert api.get("/auth/self").status_code == 200
    assert time.monotonic() - start >= 0.3
    assert ard.requests[-1].seconds >= 0.3


@pytest.mark.parametrize("tls", [False, True])
def test_reset_before_and_after_accept(tls):
    with Sandbox(tls=tls) as ard:
        api = Api(ard)
        ard.faults.add("POST /order", kind="reset_before_accept", nth=1)
        with pytest.raises(requests.ConnectionError):
            api.order()
        assert ard.orders == []
        ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
        with pytest.raises(requests.ConnectionError):
            api.order()
        assert len(ard.orders) == 1
        assert [record.status for record in ard.submissions] == [None, None]
        assert api.order().status_code == 200
        api.session.close()


def test_error_after_accept(ard, api):
    ard.faults.add("POST /order", kind="error_after_accept", nth=1)
    assert api.order().status_code == 500
    assert len(ard.orders) == 1


def test_rule_for_real_orders_does_not_fire_on_dry_runs(ard, api):
    ard.faults.add("POST /order", kind="status", status=500, dry_run=False)
    assert api.order(dry_run=True).status_code == 200
    assert api.order().status_code == 500


def test_expire_token_and_revoke_refresh_token(ard, api):
    tokens = api.log_in()
    ard.faults.add("GET /order", kind="expire_token", nth=1)
    ard.faults.add("GET /order", kind="revoke_refresh_token", nth=1)
    assert api.get("/order").status_code == 401
    grant = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert api.post("/auth/authenticate", data=grant).status_code == 401
    api.log_in()
    assert api.get("/order").status_code == 200


def test_fail_order_and_stuck_order(ard, api):
    ard.faults.add(kind="fail_order", nth=2, message="no clear view")
    ard.faults.add(kind="stuck_order", nth=3)
    ard.faults.add(kind="fail_order", nth=4, final_status="ERROR")
    api.order(dry_run=True)
    ids = [api.order().json()["id"] for _ in range(4)]
    assert [api.status(order_id)["status"] for order_id in ids] == ["SUCCEEDED", "FAILED", "RUNNING", "ERROR"]
    assert api.status(ids[1])["status_message"] == "no clear view"


def test_empty_page(ard, api):
    ard.faults.add("GET /order", kind="empty_page", times=1)
    assert api.get("/order").json() == {"data": [], "has_more": True}


def _pattern(seed):
    with Sandbox(seed=seed) as ard:
        api = Api(ard)
        ard.faults.add("GET /auth/self", kind="status", status=503, probability=0.4)
        codes = [api.get("/auth/self").status_code for _ in range(30)]
        ids = [api.order().json()["id"] for _ in range(2)]
        api.session.close()
    return codes, ids


def test_same_seed_gives_same_faults_and_ids():
    first = _pattern(7)
    assert set(first[0]) == {200, 503}
    assert first == _pattern(7)
    assert first != _pattern(8)


def test_rule_from_text():
    assert parse_rule("kind=status, endpoint=POST /order/,status=503,retry_after=2,nth=1") == {
        "kind": "status",
        "endpoint": "POST /order/",
        "status": 503,
        "retry_after": 2,
        "nth": 1,
    }
    assert parse_rule("kind=latency,seconds=0.5s,probability=0.1,dry_run=false")["dry_run"] is False


@pytest.mark.parametrize(
    ("text", "value"), [("null", None), ("[1, 2]", [1, 2]), ('{"a": 1, "b": 2}', {"a": 1, "b": 2}), ("x", "x")]
)
def test_json_value_of_a_rule_from_text(text, value):
    rule = parse_rule(f"kind=set_json,path=data[*].id,value={text},nth=2")
    assert rule == {"kind": "set_json", "path": "data[*].id", "value": value, "nth": 2}


@pytest.mark.parametrize("text", ["", "status=503", "kind", "kind=status,color=red", "kind=status,nth=first"])
def test_invalid_rule_text(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_rule(text)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "magic"},
        {"kind": "gateway_html", "probability": 2},
        {"kind": "gateway_html", "nth": 0},
        {"kind": "gateway_html", "endpoint": "x"},
        {"kind": "latency", "status": 500},
        {"kind": "set_json"},
        {"kind": "status", "status": 99},
        {"kind": "redirect_after_accept", "location": "a\r\nb"},
    ],
)
def test_invalid_rules_are_rejected(ard, options):
    with pytest.raises(ValueError, match=r".+"):
        ard.faults.add(**options)
