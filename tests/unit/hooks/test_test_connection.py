"""`ArdHook.test_connection` and Connections from environment variables."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from airflow import __version__ as airflow_version
from packaging.version import Version

from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.hooks.ard import ArdHook

LABELS = ARD_CONNECTION["ui-field-behaviour"]["relabeling"] | {
    name: field["label"] for name, field in ARD_CONNECTION["conn-fields"].items()
}
CLOSED_PORT = "http://127.0.0.1:9"


@pytest.fixture
def run_test(ard, monkeypatch, retry_pauses):
    """Return a function that tests a Connection to the sandbox with replaced fields."""

    def run_test(extra=None, **fields):
        connection = json.loads(ard.connection_json) | fields
        monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(connection | {"extra": extra or {}}))
        return ArdHook("c").test_connection()

    return run_test


def test_message_contains_user_account_and_balance(run_test, ard):
    assert run_test() == (True, "Logged in as user@sandbox.example, account 7001. Balance: no limit.")
    assert ard.submissions == []


def test_message_contains_limited_balance(monkeypatch):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(limits={"annual": 12_345.6}) as ard:
        monkeypatch.setenv("AIRFLOW_CONN_C", ard.connection_json)
        assert ArdHook("c").test_connection()[1].endswith("Balance: 12,345.60.")


def test_member_gets_the_balance(run_test, ard):
    login, password = ard.member
    ok, message = run_test(login=login, password=password)
    assert ok
    assert message.endswith("Balance: no limit.")


def test_unreadable_balance_does_not_fail_the_test(run_test, ard):
    ard.faults.add("GET /usage/account/7001", kind="status", status=500)
    ok, message = run_test()
    assert ok
    assert "Balance: unknown" in message


def test_requests_are_few_and_not_retried(run_test, ard, retry_pauses):
    run_test()
    assert len(ard.requests) <= 4
    assert not run_test(host=CLOSED_PORT)[0]
    assert retry_pauses == []


@pytest.mark.parametrize(
    ("fields", "extra", "labels"),
    [
        ({"password": "wr0ng"}, {}, ["User name", "Password"]),
        ({"login": None, "password": None}, {}, ["User name", "Password"]),
        ({"login": None}, {}, ["User name", "Password"]),
        (
            {"login": None, "password": None},
            {"client_id": "x", "client_secret": "wr0ng"},
            ["Client ID", "Client secret"],
        ),
        ({"login": None, "password": None}, {"access_token": "wr0ng"}, ["Access token"]),
        ({"login": None, "password": None}, {"refresh_token": "wr0ng"}, ["Refresh token"]),
        ({"login": None, "password": None}, {"client_id": "x"}, ["Client ID", "Client secret"]),
        ({"login": None, "password": None}, {"client_secret": "wr0ng"}, ["Client ID", "Client secret"]),
        ({"host": CLOSED_PORT}, {}, ["API address"]),
        ({"host": CLOSED_PORT, "port": 8080}, {}, ["API address"]),
        ({"host": "http://127.0.0.1", "port": 9}, {}, ["API address", "Port"]),
        ({"host": "http://127.0.0.1", "port": 99_999}, {}, ["API address", "Port"]),
        ({"host": "ftp://x"}, {}, ["API address"]),
        ({"host": "no such host"}, {}, ["API address"]),
        ({}, {"verify": "/no/such/file.pem"}, ["TLS verification"]),
        ({}, {"timeout": "soon"}, ["Timeout (s)"]),
        ({}, {"credentials_ids": "gs://my-bucket"}, ["Stored credentials"]),
        ({}, {"credentials_ids": "[1]"}, ["Stored credentials"]),
        ({}, {"cells_key": "celles"}, ["Cell filter name"]),
    ],
)
def test_failure_names_the_field_to_check(fields, extra, labels, run_test):
    ok, message = run_test(extra, **fields)
    assert not ok
    assert message.endswith(f"Check: {' or '.join(labels)}.")
    assert "wr0ng" not in message


@pytest.mark.parametrize("value", ["Pl4nted\nSecret", "Pl4nted\N{EURO SIGN}Secret"])
@pytest.mark.parametrize("name", ["access_token", "client_secret"])
def test_unsendable_secret_is_named_and_not_shown(name, value, run_test):
    success, message = run_test({"client_id": "id", "client_secret": "secret"} | {name: value})
    assert success is False
    assert name in message
    assert "Pl4nted" not in message


def test_extras_are_stripped_of_line_feeds(run_test, ard, client):
    token = client._auth.token()
    extra = {"access_token": f"{token}\n", "verify": "true\n", "timeout": "5\n", "cells_key": "cell_ids\n"}
    assert run_test(extra, login="", password="", host=f"{ard.url}\n")[0] is True


@pytest.mark.parametrize("extra", [["wr0ng"], '{"access_token": "wr0ng"'])
def test_invalid_extra_is_named(extra, run_test):
    ok, message = run_test(extra)
    assert not ok
    # Airflow 3.0 and 3.1 treat such a Connection as missing.
    is_loaded = Version(airflow_version).release[:2] not in {(3, 0), (3, 1)}
    assert ("Check: Extra." if is_loaded else "extra must be a JSON object") in message
    assert "wr0ng" not in message


def test_wrong_path_names_the_api_address(run_test, ard):
    ok, message = run_test(host=f"{ard.url}/other")
    assert not ok
    assert message.endswith("Check: API address.")


def test_untrusted_certificate_names_tls_verification(monkeypatch):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(tls=True) as ard:
        connection = json.loads(ard.connection_json) | {"extra": {}}
        monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(connection))
        ok, message = ArdHook("c").test_connection()
    assert not ok
    assert message.endswith("Check: TLS verification.")


def test_https_to_http_server_names_the_api_address(run_test, ard):
    ok, message = run_test(host=ard.url.replace("http:", "https:"))
    assert not ok
    assert message.endswith("Check: API address.")
    assert "does the server expect http?" in message


def test_http_to_https_server_names_the_api_address(run_test):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(tls=True) as tls_server:
        ok, message = run_test(host=tls_server.url.replace("https:", "http:"))
    assert not ok
    assert message.endswith("Check: API address.")
    assert "does the server expect https?" in message


def test_invalid_ca_bundle_names_tls_verification(run_test, tmp_path):
    from airflow_provider_ard.sandbox import Sandbox

    (tmp_path / "bundle.pem").write_text("no certificate")
    with Sandbox(tls=True) as tls_server:
        ok, message = run_test({"verify": str(tmp_path / "bundle.pem")}, host=tls_server.url)
    assert not ok
    assert message.endswith("Check: TLS verification.")


def test_outage_names_no_field(run_test, ard):
    ard.faults.add("GET /auth/self", kind="status", status=503)
    ok, message = run_test()
    assert not ok
    assert "no field has to be changed" in message


@pytest.mark.parametrize("name", ["verify", "timeout", "credentials_ids", "cells_key", "client_id", "access_token"])
def test_fields_named_by_failures_are_in_the_form(name):
    assert name in LABELS


# Environment variables ----------------------------------------------------------------------------------------------


def test_connection_as_uri_with_extras(ard, monkeypatch):
    from airflow_provider_ard.hooks.ard import create_client

    ids = quote(json.dumps({"gs://my-bucket": "stored", "az://": "azure-prod"}))
    uri = f"{ard.connection_uri}/?timeout=5&cells_key=cell_ids&verify=false&credentials_ids={ids}"
    monkeypatch.setenv("AIRFLOW_CONN_C", uri)
    hook = ArdHook("c")
    assert hook.test_connection()[0]
    assert hook.credentials_ids == {"gs://my-bucket": "stored", "az://": "azure-prod"}
    client = create_client(ArdHook.get_connection("c"))
    assert (client.cells_key, client._session._verify, client._session.timeout) == ("cell_ids", False, 5)


def test_connection_as_uri_without_host(monkeypatch):
    from airflow_provider_ard.hooks.ard import create_client

    monkeypatch.setenv("AIRFLOW_CONN_C", "ard://me%40example.com:p%2Fss@")
    connection = ArdHook.get_connection("c")
    assert (connection.login, connection.password) == ("me@example.com", "p/ss")
    assert create_client(connection).base_url == "https://ard.maxar.com/api/v1"


@pytest.mark.parametrize(
    ("host", "port", "base"),
    [
        ("https://ard.example", 8443, "https://ard.example:8443/api/v1"),
        ("ard.example/ard/v1", 8443, "https://ard.example:8443/ard/v1"),
        ("https://ard.example:444/ard", 8443, "https://ard.example:444/ard"),
        (None, 443, "https://ard.maxar.com/api/v1"),
    ],
)
def test_port_is_added_to_a_host_without_port(host, port, base, monkeypatch):
    from airflow_provider_ard.hooks.ard import create_client

    fields = {"conn_type": "ard", "host": host, "port": port, "login": "me", "password": "k7PqX2wZ"}
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(fields))
    assert create_client(ArdHook.get_connection("c")).base_url == base


def test_connection_as_json_with_extras(ard, monkeypatch):
    extra = {"timeout": 5, "verify": False, "credentials_ids": {"gs://my-bucket": "stored"}}
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(json.loads(ard.connection_json) | {"extra": extra}))
    hook = ArdHook("c")
    assert hook.test_connection()[0]
    assert hook.credentials_ids == {"gs://my-bucket": "stored"}


def test_client_credentials(run_test, ard):
    extra = {"client_id": ard.client_id, "client_secret": ard.client_secret}
    assert run_test(extra, login=None, password=None)[0]
