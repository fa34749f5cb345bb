import stat
import threading
import time
from pathlib import Path

import pytest

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore

from .conftest import REAL_CATALOG, Api

SAS = "https://account.blob.core.windows.net/?sig=s3cr3t"
BBOX = [-105.13, 40.14, -105.06, 40.19]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.sqlite"


def test_everything_survives_a_restart(path):
    with Sandbox(order_duration="1h", state=path, limits={"annual": 1e6}) as ard:
        api = Api(ard)
        running, failed, done = (api.order(metadata={"n": n}).json()["id"] for n in range(3))
        ard.fail_order(failed, "clouds")
        ard.finish_order(done)
        notify = [{"type": "email", "address": "me@example.com"}]
        told = api.order(notifications=notify).json()["id"]
        ard.finish_order(told)
        select_id = api.post("/select", json={"bbox": BBOX}).json()["id"]
        select = api.get(f"/select/request/{select_id}").json()
        link = api.get(f"/select/files/{select_id}.order").json()["download_link"]
        monitor_id = api.post("/monitor", json={"bbox": BBOX, "name": "town"}).json()["monitor"]["monitor_id"]
        ard.store_credentials("azure", SAS, "ours")
        ard.clock.advance("30m")
        listed = api.get("/order").json()
        spent = api.get("/usage/account/7001").json()
        started, now = time.monotonic(), ard.clock.now()
        authorization = api.session.headers["Authorization"]
        api.session.close()
    with Sandbox(order_duration="1h", state=path, limits={"annual": 1e6}) as ard:
        api = Api(ard)
        api.session.headers["Authorization"] = authorization
        assert api.get("/auth/self").status_code == 200
        again = api.get("/order").json()
        assert [order["id"] for order in again["data"]] == [order["id"] for order in listed["data"]]
        assert [order["status"] for order in again["data"]] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "RUNNING"]
        assert api.status(failed)["status_message"] == "clouds"
        assert api.get("/usage/account/7001").json() == spent
        assert [(one.subject_id, one.target) for one in ard.notifications] == [(told, "me@example.com")]
        again = api.get(f"/select/request/{select_id}").json()
        assert {**again, "links": None, "usage": None} == {**select, "links": None, "usage": None}
        assert api.session.get(link.replace(link.split("/signed")[0], ard.url), timeout=9).status_code == 200
        assert api.get(f"/monitor/config/{monitor_id}").json()["monitor"]["name"] == "town"
        stored = api.get("/admin/account/7001/credentials/azure").json()["registered_credentials"]
        assert stored["description"] == "ours"
        # It has gone on as real time has.
        assert 0 <= (ard.clock.now() - now).total_seconds() < time.monotonic() - started + 1
        ard.clock.advance("30m")
        assert api.status(running)["status"] == "SUCCEEDED"
        assert api.order().json()["id"] not in {running, failed, done, told}
        api.session.close()


def test_orders_that_were_not_delivered_are_delivered_after_the_restart(path, tmp_path):
    with Sandbox(order_duration=0, state=path, storage=tmp_path / "out", pixels=64) as ard:
        api = Api(ard)
        placed = [api.order(acquisitions=[{"id": one}]).json()["id"] for one in ard.acquisitions[:8]]
        api.session.close()
    # Deliveries that had not begun were dropped when it closed.
    folder = tmp_path / "out/bkt/a/b/order_collections"
    assert len(list(folder.glob("*_root_collection.json"))) < len(placed)
    with Sandbox(order_duration=0, state=path, storage=tmp_path / "out", pixels=64) as ard:
        api = Api(ard)
        done = [api.wait(order_id) for order_id in placed]
        assert {order["status"] for order in done} == {"SUCCEEDED"}, done
        assert len(list(folder.glob("*_root_collection.json"))) == len(placed)
        api.session.close()


def test_an_end_that_comes_while_its_delivery_is_written_down_is_not_lost(path, tmp_path, monkeypatch):
    delivered, ended = threading.Event(), threading.Event()
    with Sandbox(order_duration="1h", state=path, storage=tmp_path / "out", pixels=32) as ard:
        api = Api(ard)
        put = DocumentStore.put

        def slow_put(store, kind, key, document):
            if kind == "order" and document["delivered"] and document["status"] == "RUNNING":
                delivered.set()
                # Not so before the time is over, if changes come one after the other.
                ended.wait(0.5)
            put(store, kind, key, document)

        monkeypatch.setattr(DocumentStore, "put", slow_put)
        order_id = api.order().json()["id"]
        assert delivered.wait(30)
        ard.fail_order(order_id, "clouds")
        ended.set()
        api.session.close()
    with Sandbox(order_duration="1h", state=path, storage=tmp_path / "out", pixels=32) as ard:
        assert [(order.status, order.status_message) for order in ard.orders] == [("FAILED", "clouds")]


def test_an_expired_token_stays_expired(path):
    with Sandbox(state=path) as ard:
        api = Api(ard)
        authorization = api.session.headers["Authorization"]
        ard.expire_tokens()
        api.session.close()
    with Sandbox(state=path) as ard:
        api = Api(ard)
        api.session.headers["Authorization"] = authorization
        assert api.get("/auth/self").status_code == 401
        api.session.close()


def test_tls_clients_go_on_trusting(path):
    with Sandbox(state=path, tls=True) as ard:
        first = ard.ca_file
        content = Path(first).read_bytes()
    with Sandbox(state=path, tls=True) as ard:
        assert ard.ca_file == first
        assert Path(ard.ca_file).read_bytes() == content
        Api(ard).session.close()


def test_only_its_owner_may_read_it(path):
    with Sandbox(state=path) as ard:
        ard.store_credentials("azure", SAS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_state_is_refused(path):
    path.write_text("a text, and long enough to look like no database at all" * 20)
    with pytest.raises(ValueError, match="no state of a sandbox"):
        Sandbox(state=path)


@pytest.mark.skipif(not REAL_CATALOG.exists(), reason="needs shared/real-catalog beside the repository")
def test_the_state_of_another_catalog_is_refused(path):
    with Sandbox(state=path) as ard:
        api = Api(ard)
        api.order()
        api.session.close()
    with pytest.raises(ValueError, match="another catalog"):
        Sandbox(state=path, catalog=REAL_CATALOG / "New-Zealand-Flooding23.geojson")
