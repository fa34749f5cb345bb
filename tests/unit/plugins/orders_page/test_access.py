"""Access checks of the routes over HTTP, with Airflow's database and an auth manager that hides a DAG."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey
from tests.unit.plugins.conftest import run_server

pytest.importorskip("airflow.api_fastapi", reason="Airflow 2.11 has no external views")

CELL = {"1040010060C9AD00": ["Z13-031131111333"]}
TILE = {"acquisition": "1040010060C9AD00", "cell": "Z13-031131111333"}
OPEN, SECRET = "open_dag", "secret_dag"
RUN = "manual__1"


@pytest.fixture(scope="module")
def database():
    """Initialize Airflow's database with two DAGs and a Connection of type `ard`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.models import Connection
        from airflow.models.dag import DagModel
        from airflow.models.dagbundle import DagBundleModel
        from airflow.utils.db import initdb
        from airflow.utils.session import create_session

        initdb()
        with create_session() as session:
            session.merge(DagBundleModel(name="dags"))
            session.flush()
            for dag_id in (OPEN, SECRET):
                session.merge(DagModel(dag_id=dag_id, bundle_name="dags"))
            session.add(Connection(conn_id="ard_stored", conn_type="ard"))


@pytest.fixture
def get(database, monkeypatch, ard_connection):
    """Return a function that requests a route as a user who may not read the secret DAG."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
        from airflow.api_fastapi.core_api.security import get_user

        from airflow_provider_ard.plugins.orders_page import access
        from airflow_provider_ard.plugins.orders_page.app import create_app
        from airflow_provider_ard.plugins.orders_page.caches import OrderCaches

    class RestrictedAuthManager(SimpleAuthManager):
        def is_authorized_dag(self, *, details=None, **kwargs):
            return super().is_authorized_dag(details=details, **kwargs) and not (details and details.id == SECRET)

        def is_authorized_connection(self, *, details=None, **kwargs):
            return super().is_authorized_connection(details=details, **kwargs) and details.conn_id != "ard_forbidden"

    manager = RestrictedAuthManager()
    monkeypatch.setattr(access, "get_auth_manager", lambda: manager)
    app = create_app(OrderCaches())
    app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="op", role="op")
    with run_server(app) as url:
        yield lambda path, **query: requests.get(f"{url}/{path}", params=query, timeout=30)


def place_order(client, dag_id):
    request = OrderRequest.of(acquisitions=CELL, destination="s3://b/p")
    return client.submit_order(IdempotencyKey(dag_id, "order", RUN).tag(request)).id


def rows_by_id(response):
    body = response.json()
    return {row[0]: dict(zip(body["columns"], row, strict=True)) for row in body["rows"]}


def test_orders_of_an_unreadable_dag_are_hidden(client, get, ard_connection):
    visible, hidden = place_order(client, OPEN), place_order(client, SECRET)
    response = get("orders", connection=ard_connection)
    rows = rows_by_id(response)
    assert rows[visible]["dag"] == OPEN
    assert (rows[hidden]["dag"], rows[hidden]["task"], rows[hidden]["run"]) == (None, None, None)
    hidden_order = get("order", connection=ard_connection, order=hidden)
    assert hidden_order.status_code == 200
    assert SECRET not in response.text + hidden_order.text


def test_orders_of_a_task_require_access_to_its_dag(client, get, ard_connection):
    visible, _ = place_order(client, OPEN), place_order(client, SECRET)
    query = {"connection": ard_connection, "run_id": RUN, "task_id": "order"}
    assert set(rows_by_id(get("run", dag_id=OPEN, **query))) == {visible}
    forbidden = get("run", dag_id=SECRET, **query)
    assert forbidden.status_code == 403
    assert "rows" not in forbidden.json()


def test_unreadable_connection_is_forbidden(ard, get):
    for path in ("orders", "order", "run"):
        query = {"connection": "ard_forbidden", "order": "1", "dag_id": OPEN, "run_id": RUN, "task_id": "order"}
        assert get(path, **query).status_code == 403
    assert ard.requests == []


def test_connections_of_database_and_environment_are_listed(get, monkeypatch, ard_connection):
    others = {
        "ARD_URI": "ard://me:secret@example.com/",
        "ARD_FORBIDDEN": "ard://",
        "POSTGRES": "postgres://me@db/",
        "POSTGRES_JSON": '{"conn_type": "postgres"}',
        "BROKEN": '{"conn_type": ',
    }
    for name, value in others.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", value)
    response = get("connections")
    assert response.json() == {"connections": [ard_connection, "ard_stored", "ard_uri"]}
    assert "secret" not in response.text


def test_quicklook_is_requested_once_by_the_server(ard, get, ard_connection):
    for _ in range(2):
        response = get("quicklook", connection=ard_connection, **TILE)
        assert response.headers["content-type"] == "image/png"
        assert response.headers["cache-control"] == "no-store"
        assert response.content.startswith(b"\x89PNG")
    endpoints = [entry.endpoint for entry in ard.requests]
    assert endpoints.count(f"GET /browse/preview/{TILE['acquisition']}/{TILE['cell']}") == 1


def test_quicklook_requires_permission_to_read_the_connection(ard, get, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_FORBIDDEN", ard.connection_json)
    assert get("quicklook", connection="ard_forbidden", **TILE).status_code == 403
    assert ard.requests == []


@pytest.mark.parametrize(
    "tile", [{"acquisition": "../../auth", "cell": "Z13-031131111333"}, {"acquisition": "1", "cell": "x"}]
)
def test_quicklook_of_an_invalid_tile_is_not_requested(ard, get, ard_connection, tile):
    assert get("quicklook", connection=ard_connection, **tile).status_code == 422
    assert ard.requests == []


def test_known_versions_of_several_servers(client, get, ard_connection):
    place_order(client, OPEN)
    first = get("orders", connection=ard_connection).json()
    own_version = f"{first['generation']}:{first['version']}"
    assert get("orders", connection=ard_connection, known_versions=["abc:99", own_version]).json()["rows"] == []
    assert len(get("orders", connection=ard_connection, known_versions=["abc:99"]).json()["rows"]) == 1
    assert get("orders", connection=ard_connection, known_versions=["no generation"]).status_code == 422


def test_slow_api_does_not_block_other_routes(ard, get, ard_connection, wait_for):
    slow = ard.faults.add("GET /order/status/*", kind="latency", seconds=3.0)
    # The server has 40 threads for synchronous routes.
    with ThreadPoolExecutor(45) as pool:
        responses = [pool.submit(get, "order", connection=ard_connection, order=str(number)) for number in range(45)]
        wait_for(lambda: slow.fired >= 10)
        assert get("connections").status_code == 200
        assert not all(response.done() for response in responses)
    assert {response.result().status_code for response in responses} == {404}
