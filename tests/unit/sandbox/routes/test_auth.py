import base64
import json
import time

import pytest
import requests

from airflow_provider_ard.sandbox import Sandbox
from tests.unit.sandbox.conftest import Api


def _claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.mark.parametrize("encoding", ["data", "json"])
@pytest.mark.parametrize("auth", [None, ("dummyclientid", "dummyclientsecret")])
def test_password_login_by_form_or_json(ard, encoding, auth):
    fields = {"grant_type": "password", "username": ard.login, "password": ard.password, "scope": "whatever"}
    response = requests.post(f"{ard.url}/api/v1/auth/authenticate", **{encoding: fields}, auth=auth, timeout=9)
    tokens = response.json()
    assert response.status_code == 200
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 43_200
    assert tokens["refresh_token"]
    assert _claims(tokens["access_token"])["exp"] == pytest.approx(time.time() + 43_200, abs=60)


def test_wrong_password_is_401(ard):
    response = requests.post(
        f"{ard.url}/api/v1/auth/authenticate/",
        data={"grant_type": "password", "username": ard.login, "password": "wrong"},
        timeout=9,
    )
    assert response.status_code == 401
    assert set(response.json()) == {"message", "code", "type"}
    assert response.json()["code"] == "unrecognized_credentials"
    assert response.json()["type"] == "authentication_error"


@pytest.mark.parametrize(
    "fields", [{"grant_type": "password"}, {"grant_type": "magic"}, {"grant_type": "refresh_token"}, {}]
)
def test_incomplete_login_is_400(ard, fields):
    response = requests.post(f"{ard.url}/api/v1/auth/authenticate", data=fields, timeout=9)
    assert response.status_code == 400
    assert set(response.json()) == {"message", "code", "type"}


def test_client_credentials(ard):
    url = f"{ard.url}/api/v1/auth/authenticate/oauth2/token"
    grant = {"grant_type": "client_credentials"}
    good = requests.post(url, data=grant, auth=(ard.client_id, ard.client_secret), timeout=9)
    assert good.status_code == 200
    assert "refresh_token" not in good.json()
    assert requests.post(url, data=grant, auth=(ard.client_id, "wrong"), timeout=9).status_code == 401
    assert requests.post(url, data=grant, timeout=9).status_code == 401


def test_self_returns_account_and_limits(api):
    user = api.get("/auth/self").json()["user"]
    assert {"account_id", "user_id", "name", "email", "limits"} <= set(user)


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic abc", "Bearer "])
def test_invalid_token_is_401(ard, header):
    headers = {"Authorization": header} if header else {}
    for path in ("/auth/self", "/order", "/order/status/1"):
        response = requests.get(f"{ard.url}/api/v1{path}", headers=headers, timeout=9)
        assert response.status_code == 401
        assert response.json()["type"] == "authentication_error"


@pytest.mark.parametrize("rotate", [False, True])
def test_refresh(rotate):
    with Sandbox(rotate_refresh_tokens=rotate) as ard:
        api = Api(ard)
        old = api.log_in()["refresh_token"]
        grant = {"grant_type": "refresh_token", "refresh_token": old}
        response = api.post("/auth/authenticate", data=grant)
        assert response.status_code == 200
        assert ("refresh_token" in response.json()) is rotate
        again = api.post("/auth/authenticate", data=grant)
        assert again.status_code == (401 if rotate else 200)
        api.session.close()


def test_expired_access_token_can_be_refreshed():
    with Sandbox(token_lifetime="1h") as ard:
        api = Api(ard)
        tokens = api.log_in()
        assert api.get("/auth/self").status_code == 200
        ard.clock.advance("1h")
        assert api.get("/auth/self").status_code == 401
        grant = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert api.post("/auth/authenticate", data=grant).status_code == 200
        api.session.close()


def test_expire_tokens_revokes_every_access_token(ard, api):
    ard.expire_tokens()
    assert api.get("/auth/self").status_code == 401
