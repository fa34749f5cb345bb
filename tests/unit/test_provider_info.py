from __future__ import annotations

import importlib
import json
from importlib import resources
from importlib.metadata import entry_points, version

import jsonschema

from airflow_provider_ard import __version__
from airflow_provider_ard.get_provider_info import get_provider_info


def test_airflow_finds_the_provider():
    (point,) = [p for p in entry_points(group="apache_airflow_provider") if p.module.startswith("airflow_provider_ard")]
    assert point.load() is get_provider_info


def test_it_is_of_airflows_form():
    schema = json.loads(resources.files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_one_version():
    assert get_provider_info()["versions"][0] == __version__ == version("airflow-provider-ard")


def test_every_module_it_names_is_there():
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


def test_airflow_is_offered_the_same_commands_as_the_console_script():
    (path,) = get_provider_info()["cli"]
    module, _, name = path.rpartition(".")
    (group,) = getattr(importlib.import_module(module), name)()
    assert group.name == "ard"
    assert {command.name for command in group.subcommands} == {"orders", "usage", "credentials"}
