import pytest

from airflow_provider_ard.sandbox import Sandbox
from tests.unit.sandbox.conftest import Api


@pytest.fixture
def control(ard, api):
    def call(method, path, **document):
        return api.session.request(method, f"{ard.url}/sandbox{path}", json=document or None, timeout=9)

    return call


def test_faults_are_added_fired_and_removed_over_http(ard, api, control):
    added = control("POST", "/faults", kind="status", endpoint="GET /order", status=503, retry_after=1).json()
    assert (added["id"], added["endpoint"], added["fired"]) == (1, "GET /order", 0)
    assert api.get("/order").status_code == 503
    details = control("GET", "/faults").json()
    assert [rule["fired"] for rule in details["faults"]] == [1]
    assert [(fault["kind"], fault["endpoint"]) for fault in details["fired"]] == [("status", "GET /order")]
    assert control("DELETE", "/faults/1").status_code == 204
    assert control("DELETE", "/faults/1").status_code == 404
    assert api.get("/order").status_code == 200
    control("POST", "/faults", kind="gateway_html")
    assert control("DELETE", "/faults").status_code == 204
    assert api.get("/order").status_code == 200


@pytest.mark.parametrize(
    "fault", [{"kind": "magic"}, {}, {"kind": "status", "color": 1}, {"kind": "latency", "seconds": "soon"}]
)
def test_invalid_fault_rule_is_rejected(control, fault):
    response = control("POST", "/faults", **fault)
    assert response.status_code == 400
    assert set(response.json()) == {"message", "code", "type"}


def test_control_requests_are_not_logged_and_cause_no_faults(ard, control):
    ard.faults.add(kind="status", status=500)
    before = len(ard.requests)
    assert control("GET", "/orders").status_code == 200
    assert len(ard.requests) == before


def test_orders_are_ended_over_http(api, control):
    order_id = api.order().json()["id"]
    ended = control("POST", f"/orders/{order_id}/end", status="ERROR", message="no").json()
    assert (ended["status"], ended["status_message"]) == ("ERROR", "no")
    assert api.status(order_id)["status"] == "ERROR"
    assert control("POST", "/orders/404/end", status="ERROR").status_code == 404


def test_tokens_are_revoked_over_http(api, control):
    assert control("POST", "/tokens/expire").status_code == 204
    assert api.get("/auth/self").status_code == 401


def test_requests_and_notifications_are_listed(api, control):
    api.order(notifications=[{"type": "email", "address": "a@b.c"}])
    assert control("GET", "/requests").json()["requests"][-1]["endpoint"] == "POST /order"
    assert control("GET", "/notifications").json()["notifications"][0]["target"] == "a@b.c"


def test_faults_of_a_rule_depend_only_on_its_seed():
    def run(seed, *, other):
        with Sandbox(order_duration=0, seed=seed) as ard:
            api = Api(ard)
            ard.faults.add("GET /auth/self", kind="status", status=500, probability=0.5)
            if other:
                # A second rule with a probability does not affect the first.
                ard.faults.add("GET /auth/self", kind="latency", seconds=0, probability=0.5)
            statuses = [api.get("/auth/self").status_code for _ in range(30)]
            api.session.close()
            return statuses

    assert run(1, other=False) == run(1, other=True)
    assert run(1, other=False) != run(2, other=False)


def test_published_imagery_is_searchable_and_monitored(ard, api):
    area = {"type": "Polygon", "coordinates": [[[-105.1, 40.19], [-105.06, 40.19], [-105.06, 40.16], [-105.1, 40.19]]]}
    properties = {
        "catalog_id": "10300100AAAAAA00",
        "datetime": "2026-11-02T18:00:00Z",
        "utm_zone": 13,
        "quadkey": "031131111330",
    }
    document = {"features": [{"type": "Feature", "properties": properties, "geometry": area}]}
    search = {"bbox": [-105.13, 40.14, -105.06, 40.19]}
    actions = [{"action": "notify", "notifications": [{"type": "email", "address": "a@b.c"}]}]
    monitor_id = api.post("/monitor", json={**search, "actions": actions}).json()["monitor"]["monitor_id"]
    other_id = api.post("/monitor", json={"bbox": [10, 50, 10.1, 50.1]}).json()["monitor"]["monitor_id"]
    assert ard.publish(document) == 1
    assert ard.publish(document) == 0
    newest = api.post("/metadata/cells/acquisitions", json=search).json()["features"][0]
    assert newest["properties"]["acquisition_id"] == "10300100AAAAAA00"
    assert [sent.subject_id for sent in ard.notifications] == [monitor_id]
    assert len(api.get(f"/monitor/history/{monitor_id}").json()["data"]) == 1
    assert api.get(f"/monitor/history/{other_id}").json()["data"] == []
    with Sandbox() as another:
        assert "10300100AAAAAA00" not in another.acquisitions
    with pytest.raises(ValueError, match="not a catalog"):
        ard.publish({"features": [{}]})


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_no_external_resources(ard, api, path):
    page = api.session.get(ard.url + path, timeout=9)
    assert page.headers["content-type"].startswith("text/html")
    assert "<title>ARD sandbox" in page.text
    without_namespace = page.text.replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in without_namespace
    assert "https://" not in without_namespace


def test_order_tiles_and_quicklooks_for_the_map(ard, api, control):
    order_id = api.order().json()["id"]
    tiles = control("GET", f"/orders/{order_id}/tiles").json()["features"]
    assert len(tiles) == len(ard.orders[0].tiles)
    tile = tiles[0]["properties"]
    picture = control("GET", f"/quicklooks/{tile['acquisition_id']}/{tile['cell_id']}")
    assert picture.content.startswith(b"\x89PNG")


def test_openapi_describes_the_api(ard, api):
    paths = api.session.get(f"{ard.url}/openapi.json", timeout=9).json()["paths"]
    for path in (
        "/order",
        "/order/status/{order_id}",
        "/select",
        "/metadata/cells/acquisitions",
        "/monitor",
        "/auth/self",
    ):
        assert f"/api/v1{path}" in paths
    assert paths["/api/v1/order"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["bbox"]


def test_select_runs_for_its_duration():
    with Sandbox(select_duration="1h") as ard:
        api = Api(ard)
        select_id = api.post("/select", json={"ids": ard.acquisitions[:1]}).json()["id"]
        running = api.get(f"/select/request/{select_id}").json()
        assert running["status"] == "RUNNING"
        assert set(running["links"]) == {"self"}
        assert api.get(f"/select/files/{select_id}.geojson").status_code == 404
        early = api.order(acquisitions=None, select_id=select_id)
        assert "not succeeded" in early.json()["message"]
        ard.clock.advance("1h")
        assert api.get(f"/select/request/{select_id}").json()["status"] == "SUCCEEDED"
        assert api.order(acquisitions=None, select_id=select_id).status_code == 200
        assert {tile.acquisition_id for tile in ard.orders[0].tiles} == set(ard.acquisitions[:1])
        api.session.close()


@pytest.mark.parametrize(
    "search",
    [
        {},
        {"query": {}},
        {"ids": []},
        {"ids": "10300100B2B49700"},
        {"bbox": [0, 0, 1, 1], "color": "red"},
        {"bbox": [0, 0, 1, 1], "stack_depth": 0},
        {"bbox": [0, 0, 1, 1], "datetime": "yesterday"},
        {"bbox": [0, 0, 1, 1], "datetime": "2022-01-01/2021-01-01"},
        {"bbox": [0, 0, 1, 1], "query": []},
        {"bbox": [0, 0, 1, 1], "query": {"color": {"eq": 1}}},
        {"bbox": [0, 0, 1, 1], "query": {"platform": "WV02"}},
        {"bbox": [0, 0, 1, 1], "query": {"gsd": {"like": 1}}},
        {"bbox": [0, 0, 1, 1], "query": {"gsd": {"lt": "1"}}},
        {"bbox": [0, 0, 1, 1], "query": {"gsd": {"contains": "1"}}},
        {"bbox": [0, 0, 1, 1], "query": {"platform": {"in": "WV02"}}},
        {"bbox": [0, 0, 1, 1], "image_age_category": ["old"]},
    ],
)
@pytest.mark.parametrize("path", ["/select", "/metadata/cells/acquisitions"])
def test_invalid_search_is_rejected(api, path, search):
    response = api.post(path, json=search)
    assert response.status_code == 400
    assert set(response.json()) == {"message", "code", "type"}


def test_search_without_matches(api):
    select_id = api.post("/select", json={"bbox": [0, 0, 1, 1]}).json()["id"]
    select = api.get(f"/select/request/{select_id}").json()
    assert select["unique_acquisitions"] == 0
    assert "no tiles" in api.order(acquisitions=None, select_id=select_id).json()["message"]
