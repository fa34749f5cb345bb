from __future__ import annotations

import importlib
import json
from importlib import resources
from importlib.metadata import entry_points, version

import jsonschema

from airflow_provider_ard import __version__
from airflow_provider_ard.get_provider_info import get_provider_info


def test_provider_entry_point():
    (entry_point,) = [
        point
        for point in entry_points(group="apache_airflow_provider")
        if point.module.startswith("airflow_provider_ard")
    ]
    assert entry_point.load() is get_provider_info


def test_provider_info_is_valid():
    schema = json.loads(resources.files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_versions_are_equal():
    assert get_provider_info()["versions"][0] == __version__ == version("airflow-provider-ard")


def test_listed_modules_exist():
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                importlib.import_module(module)
    for module in info["filesystems"]:
        assert importlib.import_module(module).schemes
    for connection in info["connection-types"]:
        module, _, name = connection["hook-class-name"].rpartition(".")
        assert getattr(importlib.import_module(module), name).conn_type == connection["connection-type"]


def test_airflow_cli_has_the_commands():
    (path,) = get_provider_info()["cli"]
    module, _, name = path.rpartition(".")
    (group,) = getattr(importlib.import_module(module), name)()
    assert group.name == "ard"
    assert {command.name for command in group.subcommands} == {"select", "price", "orders", "usage", "credentials"}
