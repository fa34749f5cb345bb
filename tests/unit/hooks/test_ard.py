from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider_ard import exceptions
from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdRequestError
from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from airflow_provider_ard.hooks.ard import ArdHook, create_client
from airflow_provider_ard.version_compat import AirflowFailException, AirflowNotFoundException, Connection, redact

ENCODINGS = {
    "raw": str,
    "URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "base64 of id:secret": lambda text: base64.b64encode(f"id:{text}".encode()).decode(),
}


def connection(**fields):
    extra = fields.pop("extra", None)
    defaults = {"conn_id": "c", "conn_type": "ard", "login": "me", "password": "pa55"}
    return Connection(**{**defaults, **fields}, extra=json.dumps(extra) if extra is not None else None)


def test_connection_test_reports_user(ard_connection):
    ok, message = ArdHook(ard_connection).test_connection()
    assert ok
    assert "user@sandbox.example" in message


def test_connection_test_reports_wrong_password(ard, ard_connection, monkeypatch, retry_pauses):
    monkeypatch.setenv(
        "AIRFLOW_CONN_ARD_DEFAULT",
        json.dumps({"conn_type": "ard", "host": ard.url, "login": ard.login, "password": "wr0ng"}),
    )
    ok, message = ArdHook(ard_connection).test_connection()
    assert not ok
    assert "ard_default" in message
    assert "401" in message
    assert "wr0ng" not in message


def test_connection_as_uri(ard, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_URI", ard.connection_uri)
    assert ArdHook("ard_uri").test_connection()[0]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (
            '{"conn_type": "ard", "password": "s3cret", "credentials_ids": {}, "verify": true}',
            "credentials_ids, verify belong in extra",
        ),
        ('{"conn_type": "ard", "password": "s3cret",\n"login": me}', "line 2, column 10"),
        ('{"conn_type": "ard", "s3cret": "password"}', "unknown field; valid fields: conn_type,"),
        ('{"conn_type": "ard", "port": "s3cret"}', "wrong type"),
        ("ard://me:s3cret/word@host", "a URI like"),
        ("ard://me:s3cret@http://host", "a URI like"),
    ],
)
def test_invalid_connection_variable_is_reported_as_invalid(monkeypatch, value, fault):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", value)
    with pytest.raises(
        AirflowNotFoundException, match="AIRFLOW_CONN_ARD_DEFAULT is set but cannot be parsed"
    ) as caught:
        ArdHook().get_conn()
    assert fault in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_missing_connection_names_the_variable_to_set(monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_ARD_DEFAULT", raising=False)
    with pytest.raises(AirflowNotFoundException, match=r"AIRFLOW_CONN_ARD_DEFAULT") as caught:
        ArdHook().get_conn()
    # The example in the message is valid.
    example = str(caught.value).split("'")[-2]
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", example)
    assert ArdHook().get_connection("ard_default").login == json.loads(example)["login"]


def test_tls_with_private_ca(monkeypatch):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(tls=True) as ard:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
        assert ArdHook().test_connection()[0]


SAS = "https://acct.blob.core.windows.net/tiles?sv=2024-11-04&se=2999-01-01T00%3A00%3A00Z&sp=rwl&sig=s1gnatur3"


def test_credentials_are_stored_listed_and_deleted(ard_connection):
    hook = ArdHook(ard_connection)
    stored = hook.put_credentials("azure", SAS, "for tests")
    assert list(hook.list_credentials()) == [stored]
    assert stored.description == "for tests"
    hook.delete_credentials("azure")
    assert list(hook.list_credentials()) == []
    with pytest.raises(exceptions.ArdNotFoundError):
        hook.delete_credentials("azure")


def test_stored_credentials_are_masked_in_logs(ard_connection):
    ArdHook(ard_connection).put_credentials("azure", SAS)
    assert "s1gnatur3" not in redact(f"logged: {SAS}")


def test_credentials_of_an_order_are_masked_in_logs(ard_connection):
    url = SAS.replace("s1gnatur3", "0rder%2FS1gnature")
    config = {"azure_blob_storage": {"container": "tiles", "prefix": "p", "sas_url": url}}
    ArdHook(ard_connection).order_request(acquisitions="10400100E82CCE00", output_config=config)
    for form in (url, "0rder%2FS1gnature", "0rder/S1gnature"):
        assert form not in redact(f"logged: {form}")


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_login_is_masked_in_logs_in_every_encoding(encode):
    secrets = {"client_secret": "Cl!ent/Secr3t +1", "refresh_token": "Refr3sh/T0ken=="}
    create_client(connection(password="P@ss/w0rd +1", extra={"client_id": "id", **secrets}))
    for secret in ("P@ss/w0rd +1", *secrets.values()):
        masked = redact(f"sent: {encode(secret)}")
        assert encode(secret) not in masked
        assert "***" in masked


def test_unexpected_error_of_the_test_button_shows_no_secret(ard_connection, monkeypatch):
    def broken(self):
        raise RuntimeError("Invalid header value b'Bearer Pl4nted.T0ken-1'")

    monkeypatch.setattr("airflow_provider_ard.api.client.ArdClient.whoami", broken)
    success, message = ArdHook(ard_connection).test_connection()
    assert success is False
    assert "Invalid header" in message
    assert "Pl4nted" not in message


def test_get_usage(ard_connection):
    hook = ArdHook(ard_connection)
    assert hook.get_usage(start_date="2026-01-01").area_sqkm == 0
    with pytest.raises(exceptions.ArdRequestError, match="start_date"):
        hook.get_usage(start_date="soon")


def test_hook_logs_in_once(ard, ard_connection):
    hook = ArdHook(ard_connection)
    list(hook.list_orders())
    hook.test_connection()
    assert sum("/auth/authenticate" in request.path for request in ard.requests) == 1


def test_connection_fields_are_passed_to_the_client():
    client = create_client(
        connection(host="ard.example", port=8443, extra={"verify": "false", "timeout": "5", "cells_key": "cell_ids"})
    )
    assert client.base_url == "https://ard.example:8443/api/v1"
    assert client.cells_key == "cell_ids"
    assert client._session._verify is False
    assert client._session.timeout == 5


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"extra": {"verify": 5}}, "verify"),
        ({"extra": {"timeout": "soon"}}, "timeout"),
        ({"extra": {"timeout": -1}}, "timeout"),
        ({"extra": {"timeout": 1e30}}, "timeout"),
        ({"extra": {"timeout": 10**400}}, "timeout"),
        ({"extra": {"verify": f"-----BEGIN CERTIFICATE-----\n{'MIID' * 2000}"}}, "path of a CA bundle"),
        ({"extra": {"verify": "/a\0b"}}, "path of a CA bundle"),
        ({"extra": {"cells_key": "celles"}}, "cells_key"),
        ({"extra": {"access_token": 5}}, "access_token"),
        ({"host": "ftp://x"}, "host"),
    ],
)
def test_invalid_connection_field_is_named(fields, name):
    with pytest.raises(ArdRequestError, match=name):
        create_client(connection(**fields))


def test_missing_login_is_an_error():
    with pytest.raises(ArdAuthError, match="login and password"):
        create_client(connection(login=None, password=None))


@pytest.mark.parametrize("credentials_ids", [{"gs://b": "stored"}, '{"gs://b": "stored"}'])
def test_credentials_ids_as_dictionary_or_json(credentials_ids, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_C", json.dumps({"conn_type": "ard", "extra": {"credentials_ids": credentials_ids}})
    )
    assert ArdHook("c").credentials_ids == {"gs://b": "stored"}


@pytest.mark.parametrize("credentials_ids", ["gs://b", [1], {"gs://b": 5}])
def test_invalid_credentials_ids_are_rejected(credentials_ids, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_C", json.dumps({"conn_type": "ard", "extra": {"credentials_ids": credentials_ids}})
    )
    with pytest.raises(AirflowFailException, match="credentials_ids"):
        _ = ArdHook("c").credentials_ids


def test_form_fields_are_the_same_in_airflow_2():
    pytest.importorskip("flask_appbuilder", reason="only Airflow 2.11 has wtforms; the version matrix runs this there")
    from airflow.providers_manager import ProvidersManager

    # Read the registered widgets: an unknown field type makes Airflow drop the whole form.
    widgets = {name for name in ProvidersManager().connection_form_widgets if name.startswith("extra__ard__")}
    assert widgets == {f"extra__ard__{name}" for name in ARD_CONNECTION["conn-fields"]}


def test_form_labels_are_the_same_in_airflow_2():
    assert ArdHook.get_ui_field_behaviour() == {
        "hidden_fields": ARD_CONNECTION["ui-field-behaviour"]["hidden-fields"],
        "relabeling": ARD_CONNECTION["ui-field-behaviour"]["relabeling"],
        "placeholders": ARD_CONNECTION["ui-field-behaviour"]["placeholders"],
    }


@pytest.mark.parametrize("error", exceptions._AIRFLOW_CLASSES)
def test_errors_convert_to_airflow_exceptions(error):
    converted = exceptions.to_airflow_exception(error("no", status=418), "my_conn")
    assert isinstance(converted, error)
    assert converted.status == 418
    retryable = (exceptions.ArdUnavailableError, exceptions.ArdSelectFailed, exceptions.ArdDeliveryIncomplete)
    is_retryable = issubclass(error, retryable) or error is ArdError
    assert isinstance(converted, AirflowFailException) is not is_retryable
