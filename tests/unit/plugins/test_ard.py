from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip(
    "airflow.sdk", reason="Airflow 2.11 has no external views; the version matrix loads the plugin there"
)
if not hasattr(__import__("airflow.plugins_manager", fromlist=["AirflowPlugin"]).AirflowPlugin, "external_views"):
    pytest.skip("Airflow 3.0 has no external views", allow_module_level=True)


def test_plugin_imports_few_modules():
    code = (
        "import sys, airflow.plugins_manager\n"
        "from airflow.configuration import conf\n"
        "before = set(sys.modules)\n"
        "from airflow_provider_ard.plugins.ard import ArdPlugin\n"
        "assert ArdPlugin.fastapi_apps and ArdPlugin.external_views\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if not name.startswith("airflow_provider_ard")] == []
    assert set(loaded) <= {
        "airflow_provider_ard",
        "airflow_provider_ard.plugins",
        "airflow_provider_ard.plugins.ard",
    }


def test_airflow_loads_the_plugin_and_both_views():
    from airflow import plugins_manager

    if hasattr(plugins_manager, "get_fastapi_plugins"):
        apps, _ = plugins_manager.get_fastapi_plugins()
        plugins, _ = plugins_manager._get_plugins()
    else:  # Airflow 3.1
        plugins_manager.initialize_fastapi_plugins()
        apps, plugins = plugins_manager.fastapi_apps, plugins_manager.plugins
    assert "/ard-orders" in [app["url_prefix"] for app in apps]
    plugin = next(loaded for loaded in plugins if loaded.name == "ard")
    views = {view["destination"]: view for view in plugin.external_views}
    assert views["nav"]["url_route"] == "ard-orders"
    assert views["nav"]["href"].endswith("/ard-orders/")
    assert "{TASK_ID}" in views["task_instance"]["href"]


def test_page_url_contains_the_base_path(monkeypatch):
    from airflow_provider_ard.plugins import ard as plugin

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.com/team/airflow/")
    assert plugin._views()[0]["href"] == "/team/airflow/ard-orders/"
