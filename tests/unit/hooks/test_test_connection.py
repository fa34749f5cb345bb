"""The result of the form's Test button, and the Connection as an environment variable."""

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
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def press(ard, monkeypatch, retry_pauses):
    """Return a function that tests a Connection to the sandbox with other fields in place of its own."""

    def press(extra=None, **fields):
        connection = json.loads(ard.connection_json) | fields
        monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(connection | {"extra": extra or {}}))
        return ArdHook("c").test_connection()

    return press


def test_it_says_who_is_logged_in_the_account_and_the_balance(press, ard):
    assert press() == (True, "Logged in as user@sandbox.example, account 7001. Balance: no limit.")
    assert ard.submissions == []


def test_it_says_a_balance_that_has_an_end(monkeypatch):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(limits={"annual": 12_345.6}) as ard:
        monkeypatch.setenv("AIRFLOW_CONN_C", ard.connection_json)
        assert ArdHook("c").test_connection()[1].endswith("Balance: 12,345.60.")


def test_who_is_no_administrator_learns_the_balance_too(press, ard):
    login, password = ard.member
    ok, message = press(login=login, password=password)
    assert ok
    assert message.endswith("Balance: no limit.")


def test_a_balance_that_cannot_be_read_is_no_failure(press, ard):
    ard.faults.add("GET /usage/account/7001", kind="status", status=500)
    ok, message = press()
    assert ok
    assert "Balance: unknown" in message


def test_it_takes_few_requests_and_one_try_each(press, ard, retry_pauses):
    press()
    assert len(ard.requests) <= 4
    assert not press(host=NOWHERE)[0]
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
        ({"host": NOWHERE}, {}, ["API address"]),
        ({"host": NOWHERE, "port": 8080}, {}, ["API address"]),
        ({"host": "http://127.0.0.1", "port": 9}, {}, ["API address", "Port"]),
        ({"host": "http://127.0.0.1", "port": 99_999}, {}, ["API address", "Port"]),
        ({"host": "ftp://x"}, {}, ["API address"]),
        ({"host": "no such host"}, {}, ["API address"]),
        ({}, {"verify": "/no/such/file.pem"}, ["TLS verification"]),
        ({}, {"timeout": "soon"}, ["Timeout (s)"]),
        ({}, {"credentials_ids": "gs://my-bucket"}, ["Stored credentials"]),
        ({}, {"credentials_ids": "[1]"}, ["Stored credentials"]),
        ({}, {"cells_key": "celles"}, ["Cell filter"]),
    ],
)
def test_each_failure_names_the_field_to_check(fields, extra, labels, press):
    ok, message = press(extra, **fields)
    assert not ok
    assert message.endswith(f"Check: {' or '.join(labels)}.")
    assert "wr0ng" not in message


@pytest.mark.parametrize("value", ["Pl4nted\nSecret", "Pl4nted\N{EURO SIGN}Secret"])
@pytest.mark.parametrize("name", ["access_token", "client_secret"])
def test_secret_that_cannot_be_sent_is_named_and_not_shown(name, value, press):
    success, message = press({"client_id": "id", "client_secret": "secret"} | {name: value})
    assert success is False
    assert name in message
    assert "Pl4nted" not in message


def test_extras_without_the_line_feed_of_a_file(press, ard, client):
    token = client._auth.token()
    extra = {"access_token": f"{token}\n", "verify": "true\n", "timeout": "5\n", "cells_key": "cell_ids\n"}
    assert press(extra, login="", password="", host=f"{ard.url}\n")[0] is True


@pytest.mark.parametrize("extra", [["wr0ng"], '{"access_token": "wr0ng"'])
def test_an_extra_that_is_no_json_object_is_named(extra, press):
    ok, message = press(extra)
    assert not ok
    # Airflow 3.0 and 3.1 take such a Connection for one that is not there.
    is_taken = Version(airflow_version).release[:2] not in {(3, 0), (3, 1)}
    assert message.endswith("Check: Extra." if is_taken else "extra must be a JSON object; see docs/connection.md")
    assert "wr0ng" not in message


def test_a_path_that_is_not_the_apis_is_the_addresss_fault(press, ard):
    ok, message = press(host=f"{ard.url}/elsewhere")
    assert not ok
    assert message.endswith("Check: API address.")


def test_a_certificate_that_is_not_trusted_is_the_verifications_fault(monkeypatch):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(tls=True) as ard:
        connection = json.loads(ard.connection_json) | {"extra": {}}
        monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(connection))
        ok, message = ArdHook("c").test_connection()
    assert not ok
    assert message.endswith("Check: TLS verification.")


def test_https_where_only_http_is_spoken_is_the_addresss_fault(press, ard):
    ok, message = press(host=ard.url.replace("http:", "https:"))
    assert not ok
    assert message.endswith("Check: API address.")
    assert "does the server expect http?" in message


def test_http_where_only_https_is_spoken_is_the_addresss_fault(press):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(tls=True) as secure:
        ok, message = press(host=secure.url.replace("https:", "http:"))
    assert not ok
    assert message.endswith("Check: API address.")
    assert "does the server expect https?" in message


def test_a_bundle_without_a_certificate_is_the_verifications_fault(press, tmp_path):
    from airflow_provider_ard.sandbox import Sandbox

    (tmp_path / "bundle.pem").write_text("no certificate")
    with Sandbox(tls=True) as secure:
        ok, message = press({"verify": str(tmp_path / "bundle.pem")}, host=secure.url)
    assert not ok
    assert message.endswith("Check: TLS verification.")


def test_an_outage_is_no_fields_fault(press, ard):
    ard.faults.add("GET /auth/self", kind="status", status=503)
    ok, message = press()
    assert not ok
    assert "no field has to be changed" in message


@pytest.mark.parametrize("name", ["verify", "timeout", "credentials_ids", "cells_key", "client_id", "access_token"])
def test_each_field_that_a_failure_can_name_is_in_the_form(name):
    assert name in LABELS


# As an environment variable ------------------------------------------------------------------------------------------


def test_as_a_uri_with_its_extras(ard, monkeypatch):
    from airflow_provider_ard.hooks.ard import create_client

    ids = quote(json.dumps({"gs://my-bucket": "ours", "az://": "azure-prod"}))
    uri = f"{ard.connection_uri}/?timeout=5&cells_key=cell_ids&verify=false&credentials_ids={ids}"
    monkeypatch.setenv("AIRFLOW_CONN_C", uri)
    hook = ArdHook("c")
    assert hook.test_connection()[0]
    assert hook.credentials_ids == {"gs://my-bucket": "ours", "az://": "azure-prod"}
    client = create_client(ArdHook.get_connection("c"))
    assert (client.cells_key, client._verify, client._timeout) == ("cell_ids", False, (5, 5))


def test_as_a_uri_to_the_default_address(monkeypatch):
    from airflow_provider_ard.hooks.ard import create_client

    monkeypatch.setenv("AIRFLOW_CONN_C", "ard://me%40example.com:p%2Fss@")
    connection = ArdHook.get_connection("c")
    assert (connection.login, connection.password) == ("me@example.com", "p/ss")
    assert create_client(connection).base == "https://ard.maxar.com/api/v1"


@pytest.mark.parametrize(
    ("host", "port", "base"),
    [
        ("https://ard.example", 8443, "https://ard.example:8443/api/v1"),
        ("ard.example/ard/v1", 8443, "https://ard.example:8443/ard/v1"),
        ("https://ard.example:444/ard", 8443, "https://ard.example:444/ard"),
        (None, 443, "https://ard.maxar.com/api/v1"),
    ],
)
def test_the_port_stands_where_the_address_has_none(host, port, base, monkeypatch):
    from airflow_provider_ard.hooks.ard import create_client

    fields = {"conn_type": "ard", "host": host, "port": port, "login": "me", "password": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(fields))
    assert create_client(ArdHook.get_connection("c")).base == base


def test_as_json_with_its_extras(ard, monkeypatch):
    extra = {"timeout": 5, "verify": False, "credentials_ids": {"gs://my-bucket": "ours"}}
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(json.loads(ard.connection_json) | {"extra": extra}))
    hook = ArdHook("c")
    assert hook.test_connection()[0]
    assert hook.credentials_ids == {"gs://my-bucket": "ours"}


def test_by_client_credentials(press, ard):
    extra = {"client_id": ard.client_id, "client_secret": ard.client_secret}
    assert press(extra, login=None, password=None)[0]
