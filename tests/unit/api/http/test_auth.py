from __future__ import annotations

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdAuthError, ArdUnavailableError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.sandbox import Sandbox


def logins(ard: Sandbox) -> list[str]:
    return [r.body.get("grant_type") for r in ard.requests if "/auth/authenticate" in r.path]


def test_one_login_serves_all_calls(ard, client):
    client.whoami()
    client.whoami()
    list(client.list_orders())
    assert logins(ard) == ["password"]


def test_expired_token_is_refreshed(ard, client):
    client.whoami()
    ard.expire_tokens()
    client.whoami()
    assert logins(ard) == ["password", "refresh_token"]


def test_token_refresh_does_not_contain_the_order(ard, client):
    from airflow_provider_ard.api.orders.request import OrderRequest

    client.whoami()
    ard.expire_tokens()
    list(client.list_orders())
    client.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="bkt/p"))
    refresh = next(r for r in ard.requests if r.body and r.body.get("grant_type") == "refresh_token")
    assert set(refresh.body) == {"grant_type", "refresh_token"}
    assert len(ard.orders) == 1


def test_revoked_refresh_token_causes_a_login(ard, client):
    client.whoami()
    ard.faults.add("GET /auth/self", kind="revoke_refresh_token", nth=1)
    client.whoami()
    ard.expire_tokens()
    client.whoami()
    assert logins(ard) == ["password", "refresh_token", "password"]


def test_token_is_refreshed_before_it_expires(retry_pauses):
    with Sandbox(token_lifetime="0.5s") as ard, ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        client.whoami()
        client._auth._expires_at = 0.0
        client.whoami()
        rejected = [r for r in ard.requests if r.status == 401]
    assert not rejected


def test_short_lived_token_is_not_refreshed_for_each_request(retry_pauses):
    with Sandbox(token_lifetime="30s") as ard, ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        for _ in range(3):
            client.whoami()
        assert logins(ard) == ["password"]


def test_client_credentials(ard):
    with ArdClient(Login(client_id=ard.client_id, client_secret=ard.client_secret), host=ard.url) as client:
        client.whoami()
    assert logins(ard) == ["client_credentials"]


def test_access_token_needs_no_login(ard, client):
    token = client._auth.token()
    with ArdClient(Login(access_token=token), host=ard.url) as other:
        other.whoami()
    assert logins(ard) == ["password"]


def test_expired_access_token_without_login_is_an_error(ard):
    with ArdClient(Login(access_token="stale"), host=ard.url) as client, pytest.raises(ArdAuthError) as caught:
        client.whoami()
    assert "refresh token" in str(caught.value)
    assert "stale" not in str(caught.value)


def test_wrong_password_is_not_retried(ard, retry_pauses):
    with ArdClient(Login(ard.login, "wr0ng-secret"), host=ard.url) as client, pytest.raises(ArdAuthError) as caught:
        client.whoami()
    assert caught.value.status == 401
    assert "wr0ng-secret" not in str(caught.value)
    assert len(ard.requests) == 1
    assert retry_pauses == []


def test_login_is_retried_in_an_outage(ard, client, retry_pauses):
    ard.faults.add("POST /auth/authenticate", kind="status", status=503, nth=1, times=2)
    client.whoami()
    assert len(retry_pauses) == 2


def test_login_response_without_token_is_an_outage(ard, client):
    ard.faults.add("POST /auth/authenticate", kind="gateway_html", status=200)
    with pytest.raises(ArdUnavailableError):
        client.whoami()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.access_token", 1),
        ("$.access_token", ["token"]),
        ("$.access_token", ""),
        ("$.access_token", "a b"),
        ("$.access_token", "tok\u00e9n"),
        ("$.refresh_token", 1),
        ("$.expires_in", -1),
        ("$.expires_in", True),
        ("$.expires_in", 10**400),
        ("$.expires_in", "soon"),
    ],
)
def test_login_with_invalid_token_is_an_outage(ard, client, retry_pauses, path, value):
    rule = ard.faults.add("POST /auth/authenticate", kind="set_json", path=path, value=value)
    with pytest.raises(ArdUnavailableError):
        client.whoami()
    ard.faults.remove(rule)
    client.whoami()


def test_deeply_nested_login_response_is_an_outage(ard, client, retry_pauses):
    rule = ard.faults.add("POST /auth/authenticate", kind="body", body="[" * 5000 + "]" * 5000, status=200)
    with pytest.raises(ArdUnavailableError):
        client.whoami()
    ard.faults.remove(rule)
    client.whoami()


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, "login and password"),
        ({"username": "u"}, "login and password"),
        ({"client_id": "c"}, "client_secret is missing"),
        ({"client_secret": "s"}, "client_id is missing"),
    ],
)
def test_incomplete_login_names_the_missing_setting(settings, missing):
    with pytest.raises(ArdAuthError, match=missing):
        Login(**settings)


@pytest.mark.parametrize("end", ["\n", "\r\n", " \t\n"])
def test_login_is_stripped_of_whitespace(ard, client, end):
    token = client._auth.token()
    with ArdClient(Login(access_token=f"{token}{end}"), host=ard.url) as other:
        other.whoami()
    with ArdClient(Login(f"{ard.login}{end}", f"{ard.password}{end.strip(' ').lstrip(chr(9))}"), host=ard.url) as other:
        other.whoami()
    refresh_token = f"{end}{client._auth._refresh_token}{end}"
    with ArdClient(Login(refresh_token=refresh_token), host=ard.url) as other:
        other.whoami()
    client_id, client_secret = ard.client_id, ard.client_secret
    with ArdClient(Login(client_id=f"{client_id}{end}", client_secret=f"{client_secret}{end}"), host=ard.url) as other:
        other.whoami()


def test_password_keeps_its_spaces():
    assert Login("me", " pass word \n").password == " pass word "


@pytest.mark.parametrize("others", [{}, {"username": "me", "password": "good"}])
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("access_token", "Pl4nted\nSecret"),
        ("access_token", "Pl4nted\N{EURO SIGN}Secret"),
        ("access_token", "Pl4nted S\N{LATIN SMALL LETTER E WITH ACUTE}cret"),
        ("access_token", "\ufeffPl4ntedSecret"),
        ("access_token", "Bearer Pl4ntedSecret"),
        ("client_secret", "Pl4nted\N{EURO SIGN}Secret"),
        ("client_secret", "Pl4nted\x00Secret"),
        ("client_id", "Pl4nted:Secret"),
    ],
)
def test_login_that_cannot_be_sent_names_the_setting(others, setting, value):
    with pytest.raises(ArdAuthError) as caught:
        Login(**others, **{"client_id": "id", "client_secret": "secret"} | {setting: value})
    assert caught.value.setting == setting
    assert "Pl4nted" not in str(caught.value)


def test_secrets_are_not_in_the_repr():
    assert "s3cret" not in repr(Login("me", "s3cret", "id", "s3cret", "s3cret", "s3cret"))


def test_rejected_refreshed_token_causes_a_login(ard, client):
    client.whoami()
    ard.faults.add("GET /auth/self", kind="expire_token", nth=1, times=2)
    client.whoami()
    assert logins(ard) == ["password", "refresh_token", "password"]


def test_replaced_token_is_still_redacted(client):
    token = client._auth.token()
    client._auth.renew_after_refusal(token)
    assert {token, client._auth.token()} <= set(client._auth.secrets)


def test_rejecting_every_token_is_an_error(ard, client, retry_pauses):
    client.whoami()
    ard.faults.add("GET /auth/self", kind="expire_token")
    with pytest.raises(ArdAuthError):
        client.whoami()
    assert logins(ard) == ["password", "refresh_token", "password"]
    assert retry_pauses == []


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_rejected_login_is_an_auth_error(ard, status, retry_pauses):
    ard.faults.add("POST /auth/authenticate", kind="status", status=status)
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client, pytest.raises(ArdAuthError) as caught:
        client.whoami()
    assert (caught.value.status, caught.value.setting) == (status, "host" if status == 404 else "login")


@pytest.mark.parametrize("token", ["access_token", "refresh_token"])
def test_only_token_is_kept_if_rejected(ard, client, token):
    client.whoami()
    login = Login(**{token: getattr(client._auth, f"_{token}")})
    with ArdClient(login, host=ard.url) as other:
        rule = ard.faults.add(kind="status", status=401)
        for _ in range(2):
            with pytest.raises(ArdAuthError):
                other.whoami()
        ard.faults.remove(rule)
        assert other.whoami().email
