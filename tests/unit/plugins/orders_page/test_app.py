from __future__ import annotations

import re
import warnings
from importlib import resources

import pytest
import requests

from tests.unit.plugins.conftest import run_server

pytest.importorskip("airflow.api_fastapi", reason="Airflow 2.11 has no external views")

STATIC = resources.files("airflow_provider_ard.plugins.orders_page") / "static"


@pytest.fixture(scope="module")
def app():
    # Airflow's imports emit warnings.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow_provider_ard.plugins.orders_page.app import create_app
        from airflow_provider_ard.plugins.orders_page.order_cache import OrderCaches

        return create_app(OrderCaches())


@pytest.fixture(scope="module")
def get(app):
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount("/ard-orders", app)
    with run_server(outer) as url:
        yield lambda path, **query: requests.get(f"{url}/ard-orders{path}", params=query, timeout=10)


def test_data_routes_require_a_login(app, get, ard, ard_connection):
    paths = {route.path for route in app.routes}
    versioned = next(path for path in paths if path.startswith("/static/"))
    assert paths - {versioned} == {"/", "/static", "/data/connections", "/data/orders", "/data/order", "/data/run"}
    for path in paths - {"/", "/static", versioned}:
        response = get(path, connection=ard_connection, order="1", dag_id="d", run_id="r")
        assert response.status_code == 401, path
    assert ard_connection not in get("/").text
    assert ard.requests == []


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
