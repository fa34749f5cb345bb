"""An exchange is limited in total time, and a response in size."""

from __future__ import annotations

import gzip
import time
import zlib
from contextlib import suppress

import pytest
import requests

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdOrderInDoubtError, ArdUnavailableError
from airflow_provider_ard.api.http import limited_session
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.http.limited_session import LimitedSession
from airflow_provider_ard.api.http.time_limit import seconds_left, time_limit
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.proxy import Proxy
from tests.unit.api.http.raw_server import raw_server, response, send, trickle

TIMEOUT_S = 1.0
TOTAL_S = 1.5
# Without a limit, each exchange of these tests takes more than ten seconds.
SLOW_MACHINE_S = 5.0
BODY = b'{"user": {"account_id": "1"}}'
LONG_BODY = BODY + b" " * 1000


@pytest.fixture(autouse=True)
def total_time(monkeypatch):
    """Shorten the limit, but not the timeout between two bytes, for slow machines."""
    monkeypatch.setattr(limited_session, "TOTAL_READ_TIMEOUTS", TOTAL_S / TIMEOUT_S)


@pytest.fixture
def session():
    with LimitedSession(verify=True, timeout=TIMEOUT_S) as session:
        yield session


def client_of(url, **options):
    return ArdClient(Login(access_token="token"), host=url, max_attempts=1, timeout=TIMEOUT_S, **options)


TRICKLED = {
    "status line": trickle(b"HTTP/1.1 200 " + b"O" * 1000),
    "headers": trickle(response(BODY, "200 OK", f"X-Long: {'a' * 1000}")),
    "header lines": trickle(b"X: 1\r\n" * 200, after=b"HTTP/1.1 200 OK\r\n"),
    "interim responses": trickle(b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    "body": trickle(LONG_BODY, after=response(LONG_BODY)[: -len(LONG_BODY)]),
    "body until the connection is closed": trickle(LONG_BODY, after=b"HTTP/1.1 200 OK\r\n\r\n"),
    "chunks": trickle(b"1\r\n \r\n" * 200, after=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "gzip": trickle(
        gzip.compress(BODY) + b"\0" * 1000,
        after=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n",
    ),
}


@pytest.mark.parametrize("serve", TRICKLED.values(), ids=TRICKLED)
def test_trickled_response_is_an_outage(serve):
    started_at = time.monotonic()
    with raw_server(serve) as url, client_of(url) as client, pytest.raises(ArdUnavailableError) as caught:
        client.whoami()
    assert TOTAL_S <= time.monotonic() - started_at < TOTAL_S + SLOW_MACHINE_S
    assert "no complete response in time" in caught.value.message
    assert caught.value.setting == "timeout"


@pytest.mark.parametrize("serve", [TRICKLED["headers"], TRICKLED["body"]], ids=["headers", "body"])
def test_trickled_response_leaves_an_order_in_doubt(serve):
    request = OrderRequest.of(acquisitions="10300100B2B49700", destination="s3://bkt/p")
    with raw_server(serve) as url, client_of(url) as client, pytest.raises(ArdOrderInDoubtError):
        client.submit_order(request)


@pytest.mark.parametrize("serve", [TRICKLED["headers"], TRICKLED["body"]], ids=["headers", "body"])
def test_trickled_login_is_an_outage(serve):
    with (
        raw_server(serve) as url,
        ArdClient(Login("me", "password"), host=url, max_attempts=1, timeout=TIMEOUT_S) as client,
        pytest.raises(ArdUnavailableError, match="in time"),
    ):
        client.whoami()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("is_proxied", [False, True])
def test_trickled_body_through_tls_and_proxies(monkeypatch, tls, is_proxied):
    with Sandbox(tls=tls) as ard, Proxy() as proxy:
        if is_proxied:
            monkeypatch.setenv("HTTPS_PROXY" if tls else "HTTP_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", "")
        login = Login(ard.login, ard.password)
        with ArdClient(login, host=ard.url, verify=ard.ca_file or True, max_attempts=1, timeout=TIMEOUT_S) as client:
            client.whoami()
            ard.faults.add("GET /auth/self", kind="trickle", seconds=0.2)
            started_at = time.monotonic()
            with pytest.raises(ArdUnavailableError, match="in time"):
                client.whoami()
            assert time.monotonic() - started_at < TOTAL_S + SLOW_MACHINE_S
            assert bool(proxy.targets) is is_proxied


def test_trickled_response_of_a_proxy_to_connect(monkeypatch):
    with raw_server(trickle(b"HTTP/1.1 200 " + b"O" * 1000)) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        started_at = time.monotonic()
        with client_of("https://ard.invalid") as client, pytest.raises(ArdUnavailableError):
            client.whoami()
        assert time.monotonic() - started_at < TOTAL_S + SLOW_MACHINE_S


def test_read_timeout_still_limits_the_time_between_bytes(monkeypatch):
    monkeypatch.setattr(limited_session, "TOTAL_READ_TIMEOUTS", 60)
    started_at = time.monotonic()
    with raw_server(lambda _: time.sleep(30)) as url, client_of(url) as client, pytest.raises(ArdUnavailableError):
        client.whoami()
    assert time.monotonic() - started_at < TIMEOUT_S + SLOW_MACHINE_S


def test_slow_response_within_the_limit_is_complete():
    with raw_server(trickle(BODY, 0.01, after=response(BODY)[: -len(BODY)])) as url, client_of(url) as client:
        assert client.whoami().account_id == "1"


def _pool(session):
    pools = session.get_adapter("http://").poolmanager.pools
    (key,) = pools.keys()
    return pools[key]


def test_connection_is_reused_with_its_own_timeout(ard, client):
    client.whoami()
    with time_limit(2):
        client.whoami()
    ard.faults.add("GET /auth/self", kind="latency", seconds=2.5)
    assert client.whoami().account_id
    assert _pool(client._session).num_connections == 1


def test_connection_of_an_incomplete_response_is_closed(session):
    with raw_server(TRICKLED["body"]) as url, pytest.raises(requests.RequestException):
        session.exchange("GET", url)
    idle = [_pool(session).pool.get(block=False) for _ in range(_pool(session).pool.qsize())]
    assert [connection for connection in idle if connection is not None and connection.sock is not None] == []


INCOMPLETE = {
    "length": response(BODY)[:-5],
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + BODY,
    "no headers": b"",
    "half of the headers": b"HTTP/1.1 200 OK\r\nContent-Le",
}


@pytest.mark.parametrize("content", INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete_response_is_an_outage(content):
    with raw_server(send(content)) as url, client_of(url) as client, pytest.raises(ArdUnavailableError) as caught:
        client.whoami()
    assert "in time" not in caught.value.message


COMPLETE = {
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "gzip": response(gzip.compress(BODY), "200 OK", "Content-Encoding: gzip"),
    "deflate": response(zlib.compress(BODY), "200 OK", "Content-Encoding: deflate"),
    "no length": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
}


@pytest.mark.parametrize("content", COMPLETE.values(), ids=COMPLETE)
def test_complete_response_is_read(content):
    with raw_server(send(content)) as url, client_of(url) as client:
        assert client.whoami().account_id == "1"


def _endless(head, chunk):
    def serve(connection):
        connection.sendall(head)
        with suppress(OSError):
            while True:
                connection.sendall(chunk)

    return serve


LARGE = {
    "body": _endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536),
    "chunks": _endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "gzip": send(response(gzip.compress(b" " * 20_000_000), "200 OK", "Content-Encoding: gzip")),
    "error": _endless(b"HTTP/1.1 503 Busy\r\n\r\n", b" " * 65536),
}


@pytest.mark.parametrize("serve", LARGE.values(), ids=LARGE)
def test_large_response_is_an_outage(monkeypatch, serve):
    monkeypatch.setattr(limited_session, "MAX_RESPONSE_BYTES", 10 * 1024**2)
    with raw_server(serve) as url, client_of(url) as client, pytest.raises(ArdUnavailableError) as caught:
        client.whoami()
    assert "larger than" in caught.value.message


def test_large_response_leaves_an_order_in_doubt(monkeypatch):
    monkeypatch.setattr(limited_session, "MAX_RESPONSE_BYTES", 10 * 1024**2)
    request = OrderRequest.of(acquisitions="10300100B2B49700", destination="s3://bkt/p")
    with raw_server(LARGE["body"]) as url, client_of(url) as client, pytest.raises(ArdOrderInDoubtError):
        client.submit_order(request)


def test_nested_limits_apply_together():
    with time_limit(10), time_limit(100):
        assert 9 < seconds_left() <= 10
    with time_limit(100), time_limit(10):
        assert 9 < seconds_left() <= 10
    assert seconds_left() == float("inf")


def test_no_request_is_sent_after_the_limit(ard, client):
    client.whoami()
    requests_before = len(ard.requests)
    with time_limit(0), pytest.raises(ArdUnavailableError, match="in time"):
        client.whoami()
    assert len(ard.requests) == requests_before
