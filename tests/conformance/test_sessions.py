"""Login and token refresh, in every way that max-ard supports."""

from __future__ import annotations

import configparser
import json
import time

import pytest
from max_ard import session as sessions
from max_ard.session import get_self


@pytest.fixture
def config(home, login, monkeypatch):
    """A config file with user name and password, and no environment variables."""
    monkeypatch.delenv("ARD_USERNAME")
    path = home / ".ard-config"
    path.write_text(f"[ard]\nuser_name = {login[0]}\nuser_password = {login[1]}\n")
    return path


def _token(path):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path)
    return json.loads(parser["ard_token"]["json"])


def _rewrite(path, token):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path)
    parser["ard_token"]["json"] = json.dumps(token)
    with path.open("w") as out:
        parser.write(out)


def test_config_file_stores_the_token(config, login):
    sessions._get_user_session()
    token = _token(config)
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 43_200
    assert token["refresh_token"]


def test_stored_token_is_reused(config, sandbox):
    sessions._get_user_session()
    before = len(_logins(sandbox))
    session = sessions._get_user_session()
    assert get_self(session)["user"]["account_id"]
    assert len(_logins(sandbox)) == before


def _logins(sandbox):
    requests = sandbox.call("GET", "/requests")["requests"]
    return [request for request in requests if request["endpoint"] == "POST /auth/authenticate"]


def test_expired_stored_token_is_refreshed(config):
    sessions._get_user_session()
    old = _token(config)
    _rewrite(config, {**old, "expires_at": time.time() - 60})
    session = sessions._get_user_session()
    renewed = _token(config)
    assert renewed["access_token"] != old["access_token"]
    # The response had no refresh token, so the old one is kept.
    assert renewed["refresh_token"] == old["refresh_token"]
    assert get_self(session)["user"]["account_id"]


def test_session_refreshes_its_token_before_a_call(login):
    session = sessions.session_from_envvars()
    old = session.token["access_token"]
    session.token = {**session.token, "expires_at": time.time() - 60}
    assert get_self(session)["user"]["email"] == login[0]
    assert session.token["access_token"] != old


def test_order_is_placed_after_token_refresh(acquisitions, login):
    from max_ard import Order

    session = sessions.add_session_hooks(sessions.mount_adaptors(sessions.session_from_envvars()))
    session.token = {**session.token, "expires_at": time.time() - 60}
    order = Order(acquisitions=acquisitions[:1], destination="no-such-bucket", settings={}, session=session)
    order.submit()
    assert order.order_id.isdecimal()


def test_login_by_keyword_arguments(login):
    session = sessions.session_from_kwargs(username=login[0], password=login[1], client_id="x", client_secret="y")
    assert get_self(session)["user"]["email"] == login[0]


def test_login_by_access_token(login, monkeypatch):
    token = sessions.session_from_envvars().token["access_token"]
    monkeypatch.setenv("ARD_ACCESS_TOKEN", token)
    session = sessions._get_user_session()
    assert session.token["access_token"] == token
    assert session.token["expires_at"] == pytest.approx(time.time() + 43_200, abs=60)
    assert get_self(session)["user"]["email"] == login[0]


def test_client_credentials(login):
    session = sessions._get_client_session("sandbox-client", "sandbox-client-secret")
    assert get_self(session)["user"]["account_id"]


def test_wrong_client_credentials_are_rejected():
    from oauthlib.oauth2 import OAuth2Error

    with pytest.raises(OAuth2Error):
        sessions._get_client_session("sandbox-client", "wrong")


def test_wrong_password_is_rejected(monkeypatch):
    monkeypatch.setenv("ARD_PASSWORD", "wrong")
    with pytest.raises(Exception, match="Invalid ARD credentials"):
        sessions._get_user_session()


def test_revoked_token_raises_its_own_exception(sandbox):
    from max_ard.exceptions import UnAuthorizedException

    session = sessions.add_session_hooks(sessions.mount_adaptors(sessions.session_from_envvars()))
    sandbox.fault("expire_token", "GET /auth/self")
    with pytest.raises(UnAuthorizedException):
        get_self(session)


def test_self_has_account_user_and_limits(login):
    user = get_self(sessions.get_user_session())["user"]
    assert {"account_id", "user_id", "name", "email", "limits"} <= set(user)
    assert user["limits"]["annual_subscription_fee_limit"] == -1
