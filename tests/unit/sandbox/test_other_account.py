"""Two accounts of one server are separate."""

import pytest
import requests

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdNotFoundError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.sandbox import Sandbox
from tests.unit.sandbox.conftest import Api

BBOX = [-105.13, 40.14, -105.06, 40.19]
SAS = "https://account.blob.core.windows.net/?sig=s3cr3t"


def other_api(ard):
    client = Api(ard.other_account)
    client.ard = ard
    return client


@pytest.fixture
def other(ard):
    client = other_api(ard)
    yield client
    client.session.close()


def test_accounts_see_their_own_orders(ard, api, other):
    first, second = api.order().json()["id"], other.order().json()["id"]
    for client, own, foreign in ((api, first, second), (other, second, first)):
        assert [order["id"] for order in client.get("/order").json()["data"]] == [own]
        assert client.get(f"/order/status/{own}").status_code == 200
        assert client.get(f"/order/status/{foreign}").status_code == 404
    assert [order.id for order in ard.orders] == [first]
    assert [order.id for order in ard.other_account.orders] == [second]
    assert len(ard.submissions) == 2


def test_order_of_the_other_account_is_not_found(ard, api):
    order_id = api.order().json()["id"]
    account = ard.other_account
    with ArdClient(Login(account.login, account.password), host=ard.url, timeout=5) as client:
        with pytest.raises(ArdNotFoundError):
            client.get_order(order_id)
        assert client.whoami().account_id == "8001"


def test_administrator_has_no_access_to_the_other_account(api, other):
    assert api.get("/admin/account/7001/order").status_code == 200
    assert other.get("/admin/account/8001/order").status_code == 200
    assert other.get("/admin/account/7001/order").status_code == 404
    assert other.get("/usage/account/7001").status_code == 404
    assert api.get("/admin/account/8001/credentials").status_code == 404


def test_usage_credentials_and_monitors_are_separate(ard, api, other):
    api.order()
    api.post("/monitor", json={"bbox": BBOX, "name": "town"})
    ard.store_credentials("azure", SAS)
    assert other.get("/usage/account/8001").json()["usage"]["cost"]["total_imagery_cost"] == 0
    assert other.get("/monitor").json()["data"] == []
    assert other.get("/admin/account/8001/credentials").json()["data"] == []
    assert ard.other_account.stored_secret("azure") is None


def test_select_of_the_other_account_is_not_found(api, other):
    select_id = other.post("/select", json={"bbox": BBOX}).json()["id"]
    assert api.get(f"/select/request/{select_id}").status_code == 404
    assert api.order(acquisitions=None, select_id=select_id).status_code == 400
    assert other.order(acquisitions=None, select_id=select_id).status_code == 200
    link = other.get(f"/select/files/{select_id}.order").json()["download_link"]
    assert requests.get(link, timeout=9).status_code == 200


def test_client_credentials_log_in_to_their_account(ard):
    account = ard.other_account
    url = f"{ard.url}/api/v1/auth"
    login = requests.post(
        f"{url}/authenticate/oauth2/token", auth=(account.client_id, account.client_secret), timeout=9
    ).json()
    user = requests.get(f"{url}/self", headers={"Authorization": f"Bearer {login['access_token']}"}, timeout=9)
    assert user.json()["user"]["account_id"] == "8001"


def test_faults_and_token_expiry_apply_to_both_accounts(ard, api, other):
    ard.faults.add("GET /order", kind="status", status=503, times=2)
    assert [client.get("/order").status_code for client in (api, other)] == [503, 503]
    ard.expire_tokens()
    assert [client.get("/order").status_code for client in (api, other)] == [401, 401]


def test_control_api_covers_both_accounts():
    with Sandbox(order_duration="3d") as ard:
        clients = [Api(ard), other_api(ard)]
        ids = [client.order().json()["id"] for client in clients]
        listed = requests.get(f"{ard.url}/sandbox/orders", timeout=9).json()
        assert [(order["id"], order["user_id"]) for order in listed["orders"]] == [(ids[1], "8002"), (ids[0], "7002")]
        for client, order_id in zip(clients, ids, strict=True):
            ended = requests.post(f"{ard.url}/sandbox/orders/{order_id}/end", json={"status": "SUCCEEDED"}, timeout=9)
            assert ended.json()["status"] == client.status(order_id)["status"] == "SUCCEEDED"
            client.session.close()


def test_published_imagery_notifies_monitors_of_both_accounts(ard, api, other):
    area = {"type": "Polygon", "coordinates": [[[-105.1, 40.19], [-105.06, 40.19], [-105.06, 40.16], [-105.1, 40.19]]]}
    tile = {"catalog_id": "10300100AAAAAA00", "datetime": "2026-11-02T18:00:00Z", "utm_zone": 13}
    properties = tile | {"quadkey": "031131111330"}
    actions = [{"action": "notify", "notifications": [{"type": "email", "address": "a@b.c"}]}]
    for client in (api, other):
        assert client.post("/monitor", json={"bbox": BBOX, "actions": actions}).status_code == 200
    assert ard.publish({"features": [{"type": "Feature", "properties": properties, "geometry": area}]}) == 1
    assert [len(account.notifications) for account in (ard, ard.other_account)] == [1, 1]


def test_orders_of_both_accounts_survive_a_restart(tmp_path):
    path = tmp_path / "state.sqlite"
    with Sandbox(order_duration="3d", state=path) as ard:
        clients = [Api(ard), other_api(ard)]
        ids = [client.order().json()["id"] for client in clients]
        for client in clients:
            client.session.close()
    with Sandbox(order_duration="3d", state=path) as ard:
        assert [[order.id for order in account.orders] for account in (ard, ard.other_account)] == [[ids[0]], [ids[1]]]


def test_connections_log_in_to_their_accounts(ard, monkeypatch):
    from airflow_provider_ard.hooks.ard import ArdHook

    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    monkeypatch.setenv("AIRFLOW_CONN_ARD_OTHER", ard.other_account.connection_json)
    accounts = [ArdHook(name).get_conn().whoami().account_id for name in ("ard_default", "ard_other")]
    assert accounts == ["7001", "8001"]
