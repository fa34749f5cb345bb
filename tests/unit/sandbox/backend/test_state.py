import stat
import threading
import time
from pathlib import Path

import pytest

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.backend.document_store import DocumentStore
from tests.unit.sandbox.conftest import REAL_CATALOG, Api

SAS = "https://account.blob.core.windows.net/?sig=s3cr3t"
BBOX = [-105.13, 40.14, -105.06, 40.19]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.sqlite"


def test_state_survives_a_restart(path):
    with Sandbox(order_duration="1h", state=path, limits={"annual": 1e6}) as ard:
        api = Api(ard)
        running, failed, done = (api.order(metadata={"n": n}).json()["id"] for n in range(3))
        ard.fail_order(failed, "clouds")
        ard.finish_order(done)
        notify = [{"type": "email", "address": "me@example.com"}]
        notified = api.order(notifications=notify).json()["id"]
        ard.finish_order(notified)
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
        assert [(sent.subject_id, sent.target) for sent in ard.notifications] == [(notified, "me@example.com")]
        again = api.get(f"/select/request/{select_id}").json()
        assert {**again, "links": None, "usage": None} == {**select, "links": None, "usage": None}
        assert api.session.get(link.replace(link.split("/signed")[0], ard.url), timeout=9).status_code == 200
        assert api.get(f"/monitor/config/{monitor_id}").json()["monitor"]["name"] == "town"
        stored = api.get("/admin/account/7001/credentials/azure").json()["registered_credentials"]
        assert stored["description"] == "ours"
        # The clock continued in real time.
        assert 0 <= (ard.clock.now() - now).total_seconds() < time.monotonic() - started + 1
        ard.clock.advance("30m")
        assert api.status(running)["status"] == "SUCCEEDED"
        assert api.order().json()["id"] not in {running, failed, done, notified}
        api.session.close()


def test_undelivered_orders_are_delivered_after_restart(path, tmp_path):
    with Sandbox(order_duration=0, state=path, storage=tmp_path / "out", pixels=64) as ard:
        api = Api(ard)
        placed = [api.order(acquisitions=[{"id": acquisition}]).json()["id"] for acquisition in ard.acquisitions[:8]]
        api.session.close()
    # Closing dropped the queued deliveries.
    folder = tmp_path / "out/bkt/a/b/order_collections"
    assert len(list(folder.glob("*_root_collection.json"))) < len(placed)
    with Sandbox(order_duration=0, state=path, storage=tmp_path / "out", pixels=64) as ard:
        api = Api(ard)
        done = [api.wait(order_id) for order_id in placed]
        assert {order["status"] for order in done} == {"SUCCEEDED"}, done
        assert len(list(folder.glob("*_root_collection.json"))) == len(placed)
        api.session.close()


def test_order_end_is_not_lost_while_its_delivery_is_saved(path, tmp_path, monkeypatch):
    delivered, ended = threading.Event(), threading.Event()
    with Sandbox(order_duration="1h", state=path, storage=tmp_path / "out", pixels=32) as ard:
        api = Api(ard)
        put = DocumentStore.put

        def slow_put(store, kind, key, document):
            if kind == "order" and document["delivered"] and document["status"] == "RUNNING":
                delivered.set()
                # Times out if saves are serialized.
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


def test_revoked_token_stays_revoked_after_restart(path):
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


def test_certificate_survives_a_restart(path):
    with Sandbox(state=path, tls=True) as ard:
        first = ard.ca_file
        content = Path(first).read_bytes()
    with Sandbox(state=path, tls=True) as ard:
        assert ard.ca_file == first
        assert Path(ard.ca_file).read_bytes() == content
        Api(ard).session.close()


def test_state_file_is_readable_only_by_its_owner(path):
    with Sandbox(state=path) as ard:
        ard.store_credentials("azure", SAS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_invalid_state_file_is_rejected(path):
    path.write_text("not an SQLite database, and longer than its header" * 20)
    with pytest.raises(ValueError, match="not a state file"):
        Sandbox(state=path)


@pytest.mark.skipif(not REAL_CATALOG.exists(), reason="needs shared/real-catalog beside the repository")
def test_state_of_another_catalog_is_rejected(path):
    with Sandbox(state=path) as ard:
        api = Api(ard)
        api.order()
        api.session.close()
    with pytest.raises(ValueError, match="another catalog"):
        Sandbox(state=path, catalog=REAL_CATALOG / "New-Zealand-Flooding23.geojson")
