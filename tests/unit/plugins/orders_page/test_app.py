from __future__ import annotations

import re
import subprocess
import sys
import warnings
from importlib import resources

import pytest
import requests

from tests.unit.plugins.conftest import run_server

pytest.importorskip("airflow.api_fastapi", reason="Airflow 2.11 has no external views")

STATIC = resources.files("airflow_provider_ard.plugins.orders_page") / "static"


@pytest.fixture(scope="module")
def data_app():
    # Airflow's imports emit warnings.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow_provider_ard.plugins.orders_page.app import create_app
        from airflow_provider_ard.plugins.orders_page.caches import OrderCaches

        return create_app(OrderCaches())


@pytest.fixture(scope="module")
def get(data_app):
    from fastapi import FastAPI

    from airflow_provider_ard.plugins.orders_page.page_app import create_page_app

    outer = FastAPI()
    outer.mount("/ard-orders", create_page_app(lambda: data_app))
    with run_server(outer) as url:
        yield lambda path, **query: requests.get(f"{url}/ard-orders{path}", params=query, timeout=10)


def test_data_routes_require_a_login(data_app, get, ard, ard_connection):
    paths = {route.path for route in data_app.routes}
    assert paths == {"/connections", "/orders", "/order", "/run", "/quicklook"}
    for path in paths:
        response = get(f"/data{path}", connection=ard_connection, order="1", dag_id="d", run_id="r")
        assert response.status_code == 401, path
    assert ard_connection not in get("/").text
    assert ard.requests == []


def test_page_does_not_wait_for_the_imports_of_its_data():
    # They take longer than anything else at the first visit.
    heavy = {"requests", "pydantic", "shapely", "pyproj", "numpy", "airflow_provider_ard.api.client"}
    code = (
        "import sys\n"
        "from airflow_provider_ard.plugins.orders_page.page_app import create_page_app\n"
        "create_page_app(lambda: None)\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert heavy.isdisjoint(loaded)


def test_page_loads_no_external_resources(get):
    page = get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    files = [*(file for file in STATIC.iterdir() if file.is_file())]
    for file in files:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, file
        assert "https:" not in text, file
    assert "url(http" not in (STATIC / "vendor" / "leaflet.css").read_text()


def test_every_file_of_the_page_is_served(get):
    page = get("/").text
    paths = re.findall(r'(?:src|href)="([^"]+)"', page)
    base = next(path.removesuffix("page.js") for path in paths if path.endswith("/page.js"))
    # Files that only scripts request.
    for file in STATIC.glob("*.js"):
        requested = re.findall(r'"(?:\./)?([\w./-]+\.(?:js|json|css|svg))"', file.read_text(encoding="utf-8"))
        paths += [base + name for name in requested]
    for path in paths:
        assert get(f"/{path}").status_code == 200, path
    assert {path.removeprefix(base) for path in paths} >= {f"vendor/{name}" for name in vendor_files()}


def vendor_files():
    """Return the names of all files in `vendor/` that are not licenses."""
    return {file.name for file in (STATIC / "vendor").iterdir() if not file.name.endswith(".txt")}


def test_openapi_routes_are_disabled(get):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert get(path).status_code == 404
