import json
import time
from datetime import UTC, datetime

import pytest

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.backend.clock import Clock
from tests.unit.sandbox.conftest import Api


def test_advance_ends_orders_and_expires_tokens():
    with Sandbox(order_duration="3d") as ard:
        api = Api(ard)
        order_id = api.order().json()["id"]
        ard.clock.advance("71h")
        # The token has expired.
        assert api.get("/auth/self").status_code == 401
        api.log_in()
        assert api.status(order_id)["status"] == "RUNNING"
        ard.clock.advance("1h")
        done = api.status(order_id)
        assert done["status"] == "SUCCEEDED"
        duration = datetime.fromisoformat(done["finished"]) - datetime.fromisoformat(done["created"])
        assert duration.total_seconds() == pytest.approx(3 * 86400, abs=0.001)
        api.session.close()


def test_rate_of_a_day_per_second():
    with Sandbox(order_duration="3d") as ard:
        api = Api(ard)
        real_start, start = time.monotonic(), ard.clock.now()
        order_id = api.order().json()["id"]
        ard.clock.set_rate(86400)
        statuses = set()
        while (body := api.get(f"/order/status/{order_id}")).status_code == 401 or body.json()["status"] == "RUNNING":
            statuses.add(body.status_code)
            if body.status_code == 401:
                api.log_in()
        assert body.json()["status"] == "SUCCEEDED"
        # Tokens expire after half a day.
        assert {401} <= statuses <= {200, 401}
        # Not faster than a day per second, even on a slow machine.
        assert 3 <= (ard.clock.now() - start).total_seconds() / 86400 <= time.monotonic() - real_start
        api.session.close()


def test_refresh_tokens_expire_after_30_days():
    with Sandbox() as ard:
        api = Api(ard)
        grant = {"grant_type": "refresh_token", "refresh_token": api.log_in()["refresh_token"]}
        ard.clock.advance("29d")
        assert api.post("/auth/authenticate", data=grant).status_code == 200
        ard.clock.advance("2d")
        assert api.post("/auth/authenticate", data=grant).status_code == 401
        api.session.close()


def test_imagery_ages_with_the_clock():
    with Sandbox() as ard:
        api = Api(ard)
        newest = max(ard.catalog, key=lambda tile: tile.acquired_at).acquisition_id

        def fresh():
            usage = api.order(acquisitions=[{"id": newest}], dry_run=True).json()["usage"]
            return usage["area"]["fresh_imagery_sqkm"] > 0

        assert fresh()
        ard.clock.advance("91d")
        api.log_in()
        assert not fresh()
        api.session.close()


def test_sas_url_expires_by_the_clock():
    with Sandbox(order_duration=0) as ard:
        api = Api(ard)
        ard.clock.set(datetime(2024, 5, 31, 23, tzinfo=UTC))
        api.log_in()
        sas = "https://account.blob.core.windows.net/?se=2024-06-01T00%3A00%3A00Z&sig=x"
        config = {"azure_blob_storage": {"container": "c", "prefix": "", "sas_url": sas}}
        assert api.order(output_config=config).status_code == 200
        ard.clock.set(datetime(2024, 6, 1, 0, 0, 1, tzinfo=UTC))
        response = api.order(output_config=config)
        assert response.status_code == 400
        assert "expired" in response.json()["message"]
        assert "sig=" not in response.text
        api.session.close()


def test_order_fails_if_the_sas_url_expires_before_its_end():
    with Sandbox(order_duration="3d") as ard:
        api = Api(ard)
        ard.clock.set(datetime(2024, 5, 31, tzinfo=UTC))
        api.log_in()
        sas = "https://account.blob.core.windows.net/?se=2024-06-01T00:00:00Z&sig=x"
        config = {"azure_blob_storage": {"container": "c", "prefix": "", "sas_url": sas}}
        order_id = api.order(output_config=config).json()["id"]
        ard.clock.advance("4d")
        api.log_in()
        assert api.status(order_id)["status"] == "FAILED"
        assert "expired" in api.status(order_id)["status_message"]
        api.session.close()


def test_signed_link_expires():
    with Sandbox() as ard:
        api = Api(ard)
        select = api.post("/select", json={"ids": ard.acquisitions[:1]}).json()
        link = api.get(f"/select/files/{select['id']}.geojson").json()["download_link"]
        assert api.session.get(link, timeout=9).status_code == 200
        ard.clock.advance("61m")
        assert api.session.get(link, timeout=9).status_code == 403
        api.session.close()


def test_progress_by_acquisition():
    with Sandbox(order_duration="10h") as ard:
        api = Api(ard)
        pair = ard.acquisitions[:2]
        order_id = api.order(acquisitions=[{"id": acquisition} for acquisition in pair]).json()["id"]
        ard.clock.advance("7h")
        first, second = api.status(order_id)["progress"]["acquisitions"]
        assert (first["id"], first["status"], first["cells_delivered"]) == (pair[0], "SUCCEEDED", first["cells"])
        assert (second["id"], second["status"]) == (pair[1], "RUNNING")
        assert 0 < second["cells_delivered"] < second["cells"]
        ard.clock.advance("3h")
        done = api.status(order_id)["progress"]["acquisitions"]
        assert [part["status"] for part in done] == ["SUCCEEDED", "SUCCEEDED"]
        api.session.close()


def test_clock_is_set_over_http(ard, api):
    url = f"{ard.url}/sandbox/clock"
    details = api.session.put(url, json={"set": "2030-01-01T00:00:00Z", "rate": 0}, timeout=9).json()
    assert details == {"now": "2030-01-01T00:00:00+00:00", "rate": 0.0}
    assert api.session.put(url, json={"advance": "1d"}, timeout=9).json()["now"].startswith("2030-01-02")
    for invalid in ({"advance": "soon"}, {"rate": -1}, {"set": "9999-01-01T00:00:00Z"}, {"color": 1}, {"set": "now"}):
        response = api.session.put(url, data=json.dumps(invalid), timeout=9)
        assert response.status_code == 400
        assert set(response.json()) == {"message", "code", "type"}


@pytest.mark.parametrize("rate", [-1, 1e9, float("nan")])
def test_invalid_rates(rate):
    with pytest.raises(ValueError, match="rate"):
        Clock(rate)
