"""No error of a download contains the signed link, which works without a login."""

from __future__ import annotations

import logging
import socket
import traceback

import pytest

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import ArdUnavailableError
from airflow_provider_ard.api.http import limited_session
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.selects.results import SelectStatus
from airflow_provider_ard.sandbox import Sandbox
from tests.unit.api.http.raw_server import raw_server, response, send, trickle

PATH = "/Pl4nted/results.order"
QUERY = "X-Amz-Credential=Pl4nted%2F2026&X-Amz-Signature=Pl4ntedSignature&other=Pl4nted"
LINK = f"{PATH}?{QUERY}"
SELECT = SelectStatus(id="17", status="SUCCEEDED", links={"order": "x"})
ECHO = LINK.encode()

RESPONSES = {
    "status": send(response(ECHO, f"403 Forbidden {LINK}")),
    "server error": send(response(ECHO, f"500 {LINK}")),
    "unknown status": send(response(ECHO, f"599 {LINK}")),
    "redirect to itself": send(response(ECHO, "302 Found", f"Location: {LINK}")),
    "redirect to nowhere": send(response(ECHO, "302 Found", f"Location: http://127.0.0.1:1{LINK}")),
    "redirect to no URL": send(response(ECHO, "302 Found", f"Location: nothing://x{LINK}")),
    "not JSON": send(response(ECHO)),
    "list": send(response(b"[]")),
    "empty": send(response(b"")),
    "truncated": send(response(ECHO)[:-5]),
    "no HTTP": send(ECHO + b"\r\n\r\n"),
    "invalid chunk": send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + ECHO + b"\r\n"),
    "invalid gzip": send(response(ECHO, "200 OK", "Content-Encoding: gzip")),
    "too large": send(response(b" " * 2_000_000)),
    "closed": lambda connection: connection.close(),
    "trickle": trickle(b" " * 1000, after=b"HTTP/1.1 200 OK\r\n\r\n"),
    "trickled headers": trickle(ECHO * 10, after=b"HTTP/1.1 200 OK\r\nX-Link: "),
    "hang": lambda connection: connection.recv(1),
}


@pytest.fixture
def download(ard, caplog, monkeypatch):
    """Return a function that downloads a link and returns the error, after a search for parts of the link."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(limited_session, "MAX_RESPONSE_BYTES", 1_000_000)
    monkeypatch.setattr(limited_session, "TOTAL_READ_TIMEOUTS", 1)

    def download(link: object) -> ArdUnavailableError:
        ard.faults.add("GET /select/files/*", kind="body", body=f'{{"download_link": "{link}"}}')
        login = Login(ard.login, ard.password)
        with (
            ArdClient(login, host=ard.url, timeout=2, max_attempts=1) as client,
            pytest.raises(ArdUnavailableError) as caught,
        ):
            client.get_select_results(SELECT)
        text = "".join(traceback.format_exception(caught.value)) + f"{caught.value!r} {vars(caught.value)}"
        assert "Pl4nted" not in text
        assert "results.order" not in text
        assert f"{ard.url}/api/v1/select/files/17.order" in caught.value.message
        assert caught.value.setting != "host"
        assert "Pl4ntedSignature" not in caplog.text
        return caught.value

    return download


@pytest.mark.parametrize("serve", RESPONSES.values(), ids=RESPONSES)
def test_response_does_not_contain_the_link(download, serve):
    with raw_server(serve) as url:
        download(url + LINK)


def test_certificate_error_names_verify_only(download):
    with Sandbox(tls=True) as storage:
        error = download(storage.url + LINK)
    assert error.setting == "verify"
    assert "verify" in error.message
    assert "CERTIFICATE_VERIFY_FAILED" in error.message


def test_tls_error_does_not_contain_the_link(download):
    with raw_server(send(b"plain text")) as url:
        error = download(url.replace("http:", "https:") + LINK)
    assert "TLS" in error.message


def test_unreachable_storage_does_not_contain_the_link(download):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert "could not connect" in download(f"http://127.0.0.1:{port}{LINK}").message
    download(f"http://storage.invalid{LINK}")


@pytest.mark.parametrize(
    "proxy", ["http://me:Pl4nted@127.0.0.1:1", "http://me:Pl4nted@x:99999", "nothing://me:Pl4nted@x:1"]
)
def test_proxy_error_contains_neither_link_nor_password(download, monkeypatch, proxy):
    for scheme in ("HTTP", "HTTPS"):
        monkeypatch.setenv(f"{scheme}_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    download(f"http://storage.invalid{LINK}")
    download(f"https://storage.invalid{LINK}")


@pytest.mark.parametrize("start", ["http://[::1", "nothing://x", "", "http://", "http://a b", "http://x:99999"])
def test_error_does_not_contain_an_invalid_link(download, start):
    download(start + LINK)


@pytest.mark.parametrize(
    "proxy", ["http://me:Pl4nted@127.0.0.1:1", "http://me:Pl4nted@x:99999", "nothing://me:Pl4nted@x:1"]
)
def test_request_to_the_api_does_not_contain_the_password_of_a_proxy(monkeypatch, caplog, proxy):
    caplog.set_level(logging.DEBUG)
    for scheme in ("HTTP", "HTTPS"):
        monkeypatch.setenv(f"{scheme}_PROXY", proxy)
    for host in ("http://ard.invalid", "https://ard.invalid"):
        with (
            ArdClient(Login("me", "password"), host=host, max_attempts=1) as client,
            pytest.raises(ArdUnavailableError) as caught,
        ):
            client.whoami()
        assert "Pl4nted" not in "".join(traceback.format_exception(caught.value)) + f"{vars(caught.value)}"
    assert "Pl4nted" not in caplog.text
