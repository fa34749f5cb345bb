import pytest
import requests

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.faults.kinds import KINDS
from airflow_provider_ard.sandbox.faults.rules import OPTIONS
from tests.unit.sandbox.conftest import Api


def test_every_kind_is_documented():
    for name, kind in KINDS.items():
        assert kind.summary, name
        assert set(kind.options) <= set(OPTIONS), name


def _listed(api, **query):
    return [order["id"] for order in api.get("/order", **query).json()["data"]]


def test_ignore_filter(ard, api):
    first, second = (api.order(metadata={"n": n}).json()["id"] for n in range(2))
    rule = ard.faults.add(kind="ignore_filter")
    assert _listed(api, filter="metadata.n:0") == [second, first]
    assert _listed(api, filter="metadata.n:0", limit=1) == [second]
    ard.faults.remove(rule)
    assert _listed(api, filter="metadata.n:0") == [first]
    assert ard.requests[-2].query["filter"] == "metadata.n:0"


def test_list_lag(ard, api):
    ard.clock.set_rate(0)
    first = api.order().json()["id"]
    ard.clock.advance("1h")
    second = api.order().json()["id"]
    ard.faults.add(kind="list_lag", seconds="10m")
    assert _listed(api) == [first]
    assert api.status(second)["id"] == second
    ard.clock.advance("10m")
    assert _listed(api) == [second, first]


def test_filter_lag(ard, api):
    order_id = api.order(metadata={"n": 1}).json()["id"]
    ard.faults.add(kind="filter_lag", seconds="10m")
    assert _listed(api, filter="metadata.n:1") == []
    assert _listed(api) == [order_id]


def test_ignore_dry_run(ard, api):
    ard.faults.add(kind="ignore_dry_run")
    assert api.order(dry_run=True).json()["id"]
    assert len(ard.orders) == 1


def test_trickle(ard, api):
    ard.faults.add("GET /order", kind="trickle", seconds=0.001)
    assert _listed(api) == []
    assert ard.faults.fired


def test_set_drop_and_rename_json(ard, api):
    order_id = api.order().json()["id"]
    ard.faults.add("GET /order", kind="set_json", path="data[*].status", value=7)
    ard.faults.add("GET /order", kind="drop_json", path="data[0].order.usage")
    ard.faults.add("GET /order", kind="rename_json", path="data[0].id", value="order_id")
    row = api.get("/order").json()["data"][0]
    assert (row["status"], row["order_id"]) == (7, order_id)
    assert "id" not in row
    assert "usage" not in row["order"]


def test_json_faults_leave_errors_alone(ard, api):
    ard.faults.add("GET /order/status/*", kind="set_json", path="id", value=None)
    assert set(api.status("404")) == {"message", "code", "type"}


@pytest.mark.parametrize("value", [True, [], "", "x" * 3000, None])
def test_order_id_of_any_type(ard, api, value):
    ard.faults.add("POST /order", kind="set_json", path="id", value=value)
    assert api.order().json()["id"] == value
    assert len(ard.orders) == 1


def test_body_after_accept(ard, api):
    ard.faults.add("POST /order", kind="body", body=b"\xff{", status=201, headers={"Content-Encoding": "x-unknown"})
    response = api.order()
    assert (response.status_code, response.content) == (201, b"\xff{")
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Encoding"] == "x-unknown"
    assert len(ard.orders) == 1


@pytest.mark.parametrize("status", [200, 204, 205, 299, 304, 400, 418, 599])
def test_body_with_any_status(ard, api, status):
    ard.faults.add("GET /auth/self", kind="body", body="{}", status=status)
    response = api.session.get(f"{ard.url}/api/v1/auth/self", timeout=9, allow_redirects=False)
    assert response.status_code == status
    assert api.get("/order").status_code == 200


def test_body_before_accept(ard, api):
    ard.faults.add("POST /order", kind="body", body="null", content_type="text/plain", accept=False)
    assert api.order().text == "null"
    assert ard.orders == []


@pytest.mark.parametrize("kind", ["gateway_json", "gateway_html"])
@pytest.mark.parametrize("accept", [False, True])
def test_gateway_response(ard, api, kind, accept):
    ard.faults.add("POST /order", kind=kind, status=404, message="Forbidden", accept=accept)
    response = api.order()
    assert response.status_code == 404
    assert len(ard.orders) == int(accept)
    if kind == "gateway_json":
        assert response.json() == {"message": "Forbidden"}
    else:
        assert "<h1>Forbidden</h1>" in response.text


@pytest.mark.parametrize("status", [302, 303])
def test_redirect_after_accept(ard, api, status):
    ard.faults.add("POST /order", kind="redirect_after_accept", status=status, location="/api/v1/auth/self")
    response = api.post("/order/", json=api.payload(), allow_redirects=False)
    assert response.status_code == status
    assert response.headers["Location"] == "/api/v1/auth/self"
    assert len(ard.orders) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_truncate_after_accept(tls):
    with Sandbox(tls=tls, order_duration=0) as ard:
        api = Api(ard)
        ard.faults.add("POST /order", kind="truncate_after_accept", nth=1)
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            api.order()
        assert len(ard.orders) == 1
        assert ard.submissions[0].status == 200
        assert api.order().status_code == 200
        api.session.close()


def test_tls_break_after_accept():
    with Sandbox(tls=True, order_duration=0) as ard:
        api = Api(ard)
        ard.faults.add("POST /order", kind="tls_break_after_accept", nth=1)
        with pytest.raises(requests.exceptions.SSLError):
            api.order()
        assert len(ard.orders) == 1
        assert api.order().status_code == 200
        api.session.close()


def test_list_outage_from_the_nth_call(ard, api):
    ard.faults.add("GET /order", kind="status", status=503, nth=2, times=100)
    assert [api.get("/order").status_code for _ in range(4)] == [200, 503, 503, 503]


def test_latency_also_delays_replaced_responses(ard, api):
    ard.faults.add("GET /auth/self", kind="status", status=503)
    ard.faults.add("GET /auth/self", kind="latency", seconds=0.2)
    assert api.get("/auth/self").status_code == 503
    assert ard.requests[-1].seconds >= 0.2


def test_json_faults_over_http(ard, api):
    rule = {"kind": "set_json", "endpoint": "GET /auth/self", "path": "user.name", "value": {"a": [1]}}
    added = api.session.post(f"{ard.url}/sandbox/faults", json=rule, timeout=9).json()
    assert (added["path"], added["value"]) == ("user.name", {"a": [1]})
    assert api.get("/auth/self").json()["user"]["name"] == {"a": [1]}
    for invalid in ({**rule, "path": "a["}, {**rule, "path": None}, {**rule, "status": 500}):
        assert api.session.post(f"{ard.url}/sandbox/faults", json=invalid, timeout=9).status_code == 400


def test_close_reused(ard):
    rule = ard.faults.add("GET /auth/self", kind="close_reused")
    with requests.Session() as session:
        url = f"{ard.url}/api/v1/auth/self"
        assert session.get(url, timeout=5).status_code == 401
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=5)
        # On a new connection.
        assert session.get(url, timeout=5).status_code == 401
    assert rule.fired == 3
