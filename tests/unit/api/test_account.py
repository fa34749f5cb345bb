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
def test_the_key_of_a_service_account_is_stored_as_base64(ard, client, tmp_path, form):
    text = json.dumps(KEY)
    path = tmp_path / "key.json"
    path.write_text(text)
    given = {"dictionary": KEY, "json": text, "base64": base64.b64encode(text.encode()).decode(), "file": str(path)}
    credentials = client.put_credentials("ours", given[form], "for the archive")
    assert (credentials.credentials_id, credentials.description) == ("ours", "for the archive")
    assert json.loads(base64.b64decode(stored(ard, "ours"))) == KEY


def test_a_sas_url_is_stored_as_it_came(ard, client):
    client.put_credentials("azure", SAS)
    assert stored(ard, "azure") == SAS


def test_new_credentials_replace_those_of_the_same_id(ard, client):
    client.put_credentials("ours", SAS)
    client.put_credentials("ours", KEY)
    assert [credentials.credentials_id for credentials in client.list_credentials()] == ["ours"]
    assert stored(ard, "ours") != SAS


def test_all_credentials_are_listed_beyond_a_page(client):
    names = [f"c{number:03}" for number in range(101)]
    for name in names:
        client.put_credentials(name, SAS)
    assert [credentials.credentials_id for credentials in client.list_credentials()] == names


def test_what_is_listed_holds_no_secret(client):
    client.put_credentials("azure", SAS)
    assert "s1gnatur3" not in repr(list(client.list_credentials()))


@pytest.mark.parametrize(
    ("name", "given", "argument"),
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
def test_what_cannot_be_credentials_is_refused_before_anything_is_sent(ard, client, name, given, argument):
    with pytest.raises(ArdRequestError) as caught:
        client.put_credentials(name, given)
    assert caught.value.argument == argument
    assert "s3cret" not in str(caught.value)
    assert ard.requests == []


@pytest.mark.parametrize("kind", ["reset_before_accept", "reset_after_accept", "error_after_accept"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_answer_that_was_lost_does_not_matter(ard, client, method, kind):
    client.put_credentials("other", SAS)
    if method == "DELETE":
        client.put_credentials("ours", SAS)
    ard.faults.add(f"{method} /admin/*", kind=kind, nth=1)
    if method == "PUT":
        client.put_credentials("ours", SAS)
    else:
        client.delete_credentials("ours")
    assert len(ard.faults.fired) == 1
    left = {credentials.credentials_id for credentials in client.list_credentials()}
    assert left == ({"other", "ours"} if method == "PUT" else {"other"})


def test_deleting_what_is_not_there_is_an_error(client):
    with pytest.raises(ArdNotFoundError, match="nothing"):
        client.delete_credentials("nothing")


def test_a_refusal_that_repeats_the_secret_is_redacted(ard, client):
    ard.faults.add("PUT /admin/*", kind="status", status=400, message=f"cannot write to {SAS}")
    with pytest.raises(ArdRequestError) as caught:
        client.put_credentials("azure", SAS)
    assert "s1gnatur3" not in str(caught.value)


def test_what_the_account_has_ordered(ard, client):
    before = client.get_usage()
    order = client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p"))
    after = client.get_usage()
    usage = client.get_order(order.id).usage
    assert before.area_sqkm == 0
    assert after.area_sqkm == pytest.approx(usage.area_sqkm)
    assert after.total_cost == pytest.approx(usage.total_cost)
    assert after.available


def test_what_was_ordered_in_another_time_does_not_count(ard, client):
    client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p"))
    assert client.get_usage(start_date="1999-01-01", end_date="1999-12-31").total_cost == 0


def test_a_user_asks_for_the_own_usage_and_not_for_the_accounts(ard, retry_pauses):
    with ArdClient(Login(*ard.member), host=ard.url) as member:
        assert member.get_usage(user_id=str(member.whoami().user_id)).total_cost == 0
        with pytest.raises(ArdAuthError, match="administrator"):
            member.get_usage()


def test_login_without_an_account_is_detected(client, monkeypatch):
    monkeypatch.setattr(client, "_get", lambda path: {"user": {"user_id": "u"}})
    with pytest.raises(ArdError, match="account of this login"):
        client.get_usage()
