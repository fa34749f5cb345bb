from __future__ import annotations

import base64
import json

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdAuthError, ArdError, ArdNotFoundError, ArdRequestError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest

SAS = "https://acct.blob.core.windows.net/tiles?sv=2024-11-04&se=2999-01-01T00%3A00%3A00Z&sp=rwl&sig=s1gnatur3"
KEY = {"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----s3cret", "client_email": "a@b.example"}


def stored(ard, name):
    return ard.stored_secret(name)


@pytest.mark.parametrize("form", ["dictionary", "json", "base64", "file"])
def test_service_account_key_is_stored_as_base64(ard, client, tmp_path, form):
    text = json.dumps(KEY)
    path = tmp_path / "key.json"
    path.write_text(text)
    forms = {"dictionary": KEY, "json": text, "base64": base64.b64encode(text.encode()).decode(), "file": str(path)}
    credentials = client.put_credentials("ours", forms[form], "for the archive")
    assert (credentials.credentials_id, credentials.description) == ("ours", "for the archive")
    assert json.loads(base64.b64decode(stored(ard, "ours"))) == KEY


def test_sas_url_is_stored_unchanged(ard, client):
    client.put_credentials("azure", SAS)
    assert stored(ard, "azure") == SAS


def test_credentials_with_the_same_id_are_replaced(ard, client):
    client.put_credentials("ours", SAS)
    client.put_credentials("ours", KEY)
    assert [credentials.credentials_id for credentials in client.list_credentials()] == ["ours"]
    assert stored(ard, "ours") != SAS


def test_credentials_are_listed_over_pages(client):
    names = [f"c{number:03}" for number in range(101)]
    for name in names:
        client.put_credentials(name, SAS)
    assert [credentials.credentials_id for credentials in client.list_credentials()] == names


def test_listed_credentials_contain_no_secret(client):
    client.put_credentials("azure", SAS)
    assert "s1gnatur3" not in repr(list(client.list_credentials()))


@pytest.mark.parametrize(
    ("name", "credentials", "argument"),
    [
        ("our credentials", SAS, "credentials_id"),
        ("../ours", SAS, "credentials_id"),
        (None, SAS, "credentials_id"),
        ("ours", "s3cret", "credentials"),
        ("ours", None, "credentials"),
        ("ours", "http://x/?sig=s3cret", "credentials"),
        ("ours", {"type": "user", "private_key": "s3cret"}, "credentials"),
    ],
)
def test_invalid_credentials_send_no_request(ard, client, name, credentials, argument):
    with pytest.raises(ArdRequestError) as caught:
        client.put_credentials(name, credentials)
    assert caught.value.argument == argument
    assert "s3cret" not in str(caught.value)
    assert ard.requests == []


@pytest.mark.parametrize("kind", ["reset_before_accept", "reset_after_accept", "error_after_accept"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_lost_response_is_retried(ard, client, method, kind):
    client.put_credentials("other", SAS)
    if method == "DELETE":
        client.put_credentials("ours", SAS)
    ard.faults.add(f"{method} /admin/*", kind=kind, nth=1)
    if method == "PUT":
        client.put_credentials("ours", SAS)
    else:
        client.delete_credentials("ours")
    assert len(ard.faults.fired) == 1
    remaining = {credentials.credentials_id for credentials in client.list_credentials()}
    assert remaining == ({"other", "ours"} if method == "PUT" else {"other"})


def test_deleting_unknown_credentials_is_an_error(client):
    with pytest.raises(ArdNotFoundError, match="nothing"):
        client.delete_credentials("nothing")


def test_secret_in_an_error_response_is_redacted(ard, client):
    ard.faults.add("PUT /admin/*", kind="status", status=400, message=f"cannot write to {SAS}")
    with pytest.raises(ArdRequestError) as caught:
        client.put_credentials("azure", SAS)
    assert "s1gnatur3" not in str(caught.value)


def test_usage_is_the_sum_of_orders(ard, client):
    before = client.get_usage()
    order = client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p"))
    after = client.get_usage()
    usage = client.get_order(order.id).usage
    assert before.area_sqkm == 0
    assert after.area_sqkm == pytest.approx(usage.area_sqkm)
    assert after.total_cost == pytest.approx(usage.total_cost)
    assert after.available


def test_usage_is_limited_to_the_dates(ard, client):
    client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p"))
    assert client.get_usage(start_date="1999-01-01", end_date="1999-12-31").total_cost == 0


def test_member_reads_only_own_usage(ard, retry_pauses):
    with ArdClient(Login(*ard.member), host=ard.url) as member:
        assert member.get_usage(user_id=str(member.whoami().user_id)).total_cost == 0
        with pytest.raises(ArdAuthError, match="administrator"):
            member.get_usage()


def test_login_without_account_is_an_error(client, monkeypatch):
    monkeypatch.setattr(client, "_get", lambda path: {"user": {"user_id": "u"}})
    with pytest.raises(ArdError, match="account of this login"):
        client.get_usage()
