"""Connections that the server closes as idle just as the next request arrives."""

from __future__ import annotations

import socket
import threading

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.selects.request import SelectRequest
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.http_server import KEEP_ALIVE_S


@pytest.fixture
def poller(client, retry_pauses):
    """Return a client without retries and with an open connection, as pollers use it."""
    poller = client.single_attempt()
    poller.whoami()
    return poller


def test_read_on_a_closed_connection_is_resent(ard, poller, retry_pauses):
    rule = ard.faults.add(kind="close_reused")
    search = SelectRequest.of(bbox=[-105.13, 40.14, -105.06, 40.19])
    for _ in range(3):
        assert poller.whoami().email
        assert poller.find_acquisitions(search)
    assert rule.fired >= 6
    assert retry_pauses == []


@pytest.mark.parametrize("tls", [False, True])
def test_poll_survives_closed_connections(tls):
    with Sandbox(tls=tls) as ard:
        login = Login(ard.login, ard.password)
        with ArdClient(login, host=ard.url, verify=ard.ca_file or True, max_attempts=1) as client:
            client.whoami()
            ard.faults.add("GET *", kind="close_reused")
            for _ in range(3):
                assert client.whoami().email


def test_read_is_resent_once(ard, poller):
    rule = ard.faults.add("GET /auth/self", kind="reset_before_accept")
    for fired in (2, 3):
        with pytest.raises(ArdUnavailableError):
            poller.whoami()
        # Without a response in between, the next request opens a new connection.
        assert rule.fired == fired


def test_order_is_not_resent(ard, poller):
    ard.faults.add("POST /order", kind="close_reused")
    with pytest.raises(ArdOrderInDoubtError):
        poller.submit_order(OrderRequest.of(acquisitions=ard.acquisitions[0], destination="s3://bkt/p"))
    assert len(ard.submissions) == 1


def test_scheme_is_not_suspected_after_a_response(ard, poller):
    ard.faults.add("GET /auth/self", kind="reset_before_accept")
    with pytest.raises(ArdUnavailableError) as caught:
        poller.whoami()
    assert caught.value.setting is None
    assert "https" not in caught.value.message


def test_scheme_is_suspected_before_any_response(ard):
    ard.faults.add(kind="reset_before_accept")
    with (
        ArdClient(Login("u", "p"), host=ard.url, max_attempts=1) as client,
        pytest.raises(ArdUnavailableError) as caught,
    ):
        client.whoami()
    assert caught.value.setting == "host"
    assert "https" in caught.value.message


def test_sandbox_keep_alive_exceeds_the_poll_interval():
    assert KEEP_ALIVE_S >= 75


def test_closing_after_each_response_is_no_outage():
    """The server closes the connection without a header after each response."""
    body = b'{"user": {"account_id": "1", "user_id": "2", "email": "a@b.example", "name": "n"}}'
    response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve():
        for _ in range(20):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(response)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    login = Login(access_token="token")
    with listener, ArdClient(login, host=f"http://127.0.0.1:{listener.getsockname()[1]}", max_attempts=1) as client:
        for _ in range(20):
            assert client.whoami().email == "a@b.example"
