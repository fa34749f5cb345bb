import base64
import json
import time

import pytest
import requests

from airflow_provider_ard.sandbox import Sandbox

from .conftest import Api


def _claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.mark.parametrize("how", ["data", "json"])
@pytest.mark.parametrize("auth", [None, ("dummyclientid", "dummyclientsecret")])
def test_password_login_by_form_or_json_with_or_without_basic(ard, how, auth):
    fields = {"grant_type": "password", "username": ard.login, "password": ard.password, "scope": "whatever"}
    answer = requests.post(f"{ard.url}/api/v1/auth/authenticate", **{how: fields}, auth=auth, timeout=9)
    tokens = answer.json()
    assert answer.status_code == 200
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 43_200
    assert tokens["refresh_token"]
    assert _claims(tokens["access_token"])["exp"] == pytest.approx(time.time() + 43_200, abs=60)


def test_wrong_password_is_the_documented_401(ard):
    answer = requests.post(
        f"{ard.url}/api/v1/auth/authenticate/",
        data={"grant_type": "password", "username": ard.login, "password": "wrong"},
        timeout=9,
    )
    assert answer.status_code == 401
    assert set(answer.json()) == {"message", "code", "type"}
    assert answer.json()["code"] == "unrecognized_credentials"
    assert answer.json()["type"] == "authentication_error"


@pytest.mark.parametrize(
    "fields", [{"grant_type": "password"}, {"grant_type": "magic"}, {"grant_type": "refresh_token"}, {}]
)
def test_incomplete_logins_are_400(ard, fields):
    answer = requests.post(f"{ard.url}/api/v1/auth/authenticate", data=fields, timeout=9)
    assert answer.status_code == 400
    assert set(answer.json()) == {"message", "code", "type"}


def test_client_credentials(ard):
    url = f"{ard.url}/api/v1/auth/authenticate/oauth2/token"
    grant = {"grant_type": "client_credentials"}
    good = requests.post(url, data=grant, auth=(ard.client_id, ard.client_secret), timeout=9)
    assert good.status_code == 200
    assert "refresh_token" not in good.json()
    assert requests.post(url, data=grant, auth=(ard.client_id, "wrong"), timeout=9).status_code == 401
    assert requests.post(url, data=grant, timeout=9).status_code == 401


def test_self_names_the_account(api):
    user = api.get("/auth/self").json()["user"]
    assert {"account_id", "user_id", "name", "email", "limits"} <= set(user)


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic abc", "Bearer "])
def test_no_entry_without_a_good_token(ard, header):
    headers = {"Authorization": header} if header else {}
    for path in ("/auth/self", "/order", "/order/status/1"):
        answer = requests.get(f"{ard.url}/api/v1{path}", headers=headers, timeout=9)
        assert answer.status_code == 401
        assert answer.json()["type"] == "authentication_error"


@pytest.mark.parametrize("rotate", [False, True])
def test_refresh(rotate):
    with Sandbox(rotate_refresh_tokens=rotate) as ard:
        api = Api(ard)
        old = api.log_in()["refresh_token"]
        grant = {"grant_type": "refresh_token", "refresh_token": old}
        answer = api.post("/auth/authenticate", data=grant)
        assert answer.status_code == 200
        assert ("refresh_token" in answer.json()) is rotate
        again = api.post("/auth/authenticate", data=grant)
        assert again.status_code == (401 if rotate else 200)
        api.session.close()


def test_access_tokens_expire_and_can_be_renewed():
    with Sandbox(token_lifetime="1h") as ard:
        api = Api(ard)
        tokens = api.log_in()
        assert api.get("/auth/self").status_code == 200
        ard.clock.advance("1h")
        assert api.get("/auth/self").status_code == 401
        grant = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert api.post("/auth/authenticate", data=grant).status_code == 200
        api.session.close()


def test_expire_tokens_ends_them_all(ard, api):
    ard.expire_tokens()
    assert api.get("/auth/self").status_code == 401
