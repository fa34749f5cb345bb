from __future__ import annotations

import pytest
from airflow import __version__ as airflow_version

from airflow_provider_ard.assets import delivery_asset
from airflow_provider_ard.assets.azure import convert_asset_to_openlineage
from airflow_provider_ard.get_provider_info import get_provider_info
from airflow_provider_ard.version_compat import Asset


def test_metadata_registers_the_scheme_az():
    info = get_provider_info()
    assert info["dataset-uris"] == info["asset-uris"]
    assert [entry["schemes"] for entry in info["asset-uris"]] == [["az"]]


def test_uri_without_a_container_is_rejected():
    # Airflow 2 only warns.
    is_2 = airflow_version.startswith("2.")
    with pytest.warns(UserWarning, match="container") if is_2 else pytest.raises(ValueError, match="container"):
        Asset("az:///imagery")


def test_uri_is_unchanged():
    assert Asset("az://box/imagery/2026").uri == "az://box/imagery/2026"


@pytest.mark.parametrize(
    ("destination", "namespace", "name"),
    [
        ("az://box/imagery", "wasbs://box", "imagery"),
        ("az://box/a b", "wasbs://box", "a b"),
    ],
)
def test_asset_has_the_openlineage_name_of_a_delivery(destination, namespace, name):
    dataset = convert_asset_to_openlineage(delivery_asset(destination), None)
    assert (dataset.namespace, dataset.name) == (namespace, name)
