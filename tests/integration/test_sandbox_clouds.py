"""Delivery to all three clouds, each on a real server of its protocol: moto, gcp-storage-emulator, Azurite."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pystac
import pytest
import rasterio
import requests
from rio_cogeo.cogeo import cog_validate

from airflow_provider_ard.sandbox import Sandbox
from tests.integration.clouds import KEY_FILE, Clouds, three_clouds

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES_OF_A_TILE = 18


@pytest.fixture(scope="module")
def clouds() -> Iterator[Clouds]:
    """All three servers."""
    with three_clouds() as found:
        yield found


@pytest.fixture
def ard(clouds: Clouds) -> Iterator[Sandbox]:
    """A sandbox that delivers to all three."""
    with Sandbox(
        order_duration=0,
        storage="cloud",
        s3_endpoint=clouds.s3,
        s3_key="k",
        s3_secret="s",
        gcs_endpoint=clouds.gcs,
        azure_endpoint=clouds.azure,
        pixels=64,
    ) as sandbox:
        yield sandbox


@pytest.fixture
def api(ard: Sandbox) -> Iterator[requests.Session]:
    """A session that is logged in."""
    with login(ard) as session:
        yield session


@contextmanager
def login(ard: Sandbox) -> Iterator[requests.Session]:
    """Yield a session that is logged in."""
    with requests.Session() as session:
        session.trust_env = False
        fields = {"grant_type": "password", "username": ard.login, "password": ard.password}
        tokens = session.post(f"{ard.url}/api/v1/auth/authenticate", data=fields, timeout=9).json()
        session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        yield session


def order(ard: Sandbox, api: requests.Session, config: dict[str, Any], *, dry_run: bool = False) -> requests.Response:
    """Order two tiles of the first acquisition."""
    cells = sorted(ard.catalog.tiles(ard.acquisitions[0]))[:2]
    body = {
        "acquisitions": [{"id": ard.acquisitions[0], "cells": cells}],
        "output_config": config,
        "dry_run": dry_run,
    }
    return api.post(f"{ard.url}/api/v1/order/", json=body, timeout=60)


def ended(ard: Sandbox, api: requests.Session, answer: requests.Response) -> dict[str, Any]:
    """Return an order's status once it has been delivered."""
    ard.wait_for_deliveries()
    return api.get(f"{ard.url}/api/v1/order/status/{answer.json()['id']}", timeout=9).json()


@pytest.mark.parametrize("platform", ["s3", "gcs", "azure"])
def test_an_order_is_delivered_to_the_platform_that_it_names(clouds, ard, api, platform, tmp_path):
    assert order(ard, api, clouds.config(platform), dry_run=True).status_code == 200
    done = ended(ard, api, order(ard, api, clouds.config(platform)))
    assert done["status"] == "SUCCEEDED", done
    files = clouds.files(platform)
    found = files.find("tiles/a/b")
    assert len(found) == 2 * FILES_OF_A_TILE + 3
    assert not [path for path in found if ".ard-dry-run" in path]
    files.get("tiles/a/b/", str(tmp_path), recursive=True)
    root = next(tmp_path.rglob("*_root_collection.json"))
    items = list(pystac.Collection.from_file(str(root)).get_items(recursive=True))
    assert len(items) == 2
    for item in items:
        # The schemas of extensions would have to come from the net; those of STAC itself are here.
        item.stac_extensions = []
        item.validate()
        with rasterio.open(item.assets["visual"].get_absolute_href()) as image:
            assert image.read(1).max() > 0
        assert cog_validate(item.assets["visual"].get_absolute_href(), quiet=True)[0]


@pytest.mark.parametrize("platform", ["s3", "gcs", "azure"])
def test_a_missing_bucket_is_found_out_by_a_dry_run_and_by_an_order(clouds, ard, api, platform):
    config = clouds.config(platform, "no-such-bucket")
    refused = order(ard, api, config, dry_run=True)
    assert refused.status_code == 400
    assert "cannot be written to" in refused.json()["message"]
    assert "\n" not in refused.json()["message"]
    done = ended(ard, api, order(ard, api, config))
    assert done["status"] == "FAILED"
    assert done["status_message"].startswith("Delivery failed")


def test_a_signature_that_azure_refuses_is_refused(clouds, ard, api):
    config = clouds.config("azure")
    config["azure_blob_storage"]["sas_url"] = clouds.sas().replace("sig=", "sig=0")
    assert order(ard, api, config, dry_run=True).status_code == 400


def test_stored_credentials_open_the_container(clouds, ard, api):
    ard.store_credentials("azure-prod", clouds.sas())
    config = {"azure_blob_storage": {"container": "tiles", "prefix": "stored", "credentials_id": "azure-prod"}}
    done = ended(ard, api, order(ard, api, config))
    assert done["status"] == "SUCCEEDED", done
    assert done["order"]["output_config"] == config
    assert clouds.files("azure").find("tiles/stored")


def test_a_sas_that_expires_while_the_order_runs_fails_it(clouds):
    with (
        Sandbox(order_duration="2d", storage="cloud", azure_endpoint=clouds.azure, pixels=64) as ard,
        login(ard) as api,
    ):
        assert order(ard, api, clouds.config("azure")).status_code == 200
        ard.wait_for_deliveries()
        ard.clock.advance("3d")
        assert ard.orders[0].status == "FAILED"
        assert "SAS URL expired" in ard.orders[0].status_message


def test_a_platform_without_a_server_is_no_place_to_deliver_to():
    with Sandbox(storage="cloud", order_duration=0) as ard, login(ard) as api:
        config = {"google_cloud_storage": {"bucket": "b", "prefix": "", "service_credentials": KEY_FILE}}
        refused = order(ard, api, config, dry_run=True)
        assert "without a Google Cloud Storage server" in refused.json()["message"]
