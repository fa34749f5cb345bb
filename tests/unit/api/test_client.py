from __future__ import annotations

import socket

import pytest
import requests

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.errors import (
    ArdAuthError,
    ArdError,
    ArdNotFoundError,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.http.transport import api_base_url
from airflow_provider_ard.api.orders.request import OrderRequest


@pytest.fixture
def request_for(ard):
    def make(**changes):
        return OrderRequest.of(**{"acquisitions": ard.acquisitions[0], "destination": "s3://bkt/p", **changes})

    return make


@pytest.mark.parametrize(
    ("host", "base"),
    [
        (None, "https://ard.maxar.com/api/v1"),
        ("", "https://ard.maxar.com/api/v1"),
        ("ard.example", "https://ard.example/api/v1"),
        ("ard.example:8443", "https://ard.example:8443/api/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/v1"),
        ("https://proxy.example/ard/api/v2/", "https://proxy.example/ard/api/v2"),
    ],
)
def test_api_base_url(host, base):
    assert api_base_url(host) == base


@pytest.mark.parametrize("host", ["ftp://x", "https://", "http://user:pa55@x", "http://x:port"])
def test_invalid_host_is_rejected(host):
    with pytest.raises(ArdRequestError, match="host") as caught:
        api_base_url(host)
    assert "pa55" not in str(caught.value)


def test_whoami(client):
    assert client.whoami().email == "user@sandbox.example"


def test_user_agent_is_sent(ard, client):
    client.whoami()
    assert ard.requests[-1].headers["user-agent"].startswith("airflow-provider-ard/")


def test_order_is_one_post(ard, client, request_for):
    order = client.submit_order(request_for())
    assert [o.id for o in ard.orders] == [order.id]
    assert [r.dry_run for r in ard.requests if r.path.startswith("/api/v1/order")] == [False]


def test_dry_run_places_no_order_and_sends_no_notification(ard, client, request_for):
    usage = client.dry_run(request_for(email_notifications=["a@b.example"]))
    assert usage.total_cost > 0
    assert usage.area_sqkm > 0
    assert ard.orders == []
    assert "notifications" not in ard.requests[-1].body


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_after_accept"},
        {"kind": "error_after_accept"},
        {"kind": "error_after_accept", "status": 503},
        {"kind": "reset_before_accept"},
        {"kind": "status", "status": 502},
        {"kind": "gateway_html", "status": 504},
        {"kind": "gateway_html", "status": 200},
    ],
)
def test_order_with_lost_response_is_not_resubmitted(ard, client, request_for, fault):
    ard.faults.add("POST /order", **fault)
    with pytest.raises(ArdOrderInDoubtError):
        client.submit_order(request_for())
    assert len(ard.submissions) == 1


def test_order_timeout_leaves_the_order_in_doubt(ard, client, request_for, wait_for):
    ard.faults.add("POST /order", kind="latency", seconds=1.0)
    # Log in beforehand: the short timeout is for the order only.
    login = Login(access_token=client._auth.token())
    with ArdClient(login, host=ard.url, timeout=0.3) as short_timeout, pytest.raises(ArdOrderInDoubtError):
        short_timeout.submit_order(request_for())
    wait_for(lambda: ard.submissions)
    assert len(ard.submissions) == 1


def test_unsent_order_is_an_outage(ard, client, request_for):
    client.whoami()
    ard.stop()
    with pytest.raises(ArdUnavailableError) as caught:
        client.submit_order(request_for())
    assert not isinstance(caught.value, ArdOrderInDoubtError)


def test_too_many_requests_is_not_in_doubt(ard, client, request_for):
    ard.faults.add("POST /order", kind="status", status=429, retry_after=7)
    with pytest.raises(ArdUnavailableError) as caught:
        client.submit_order(request_for())
    assert not isinstance(caught.value, ArdOrderInDoubtError)
    assert caught.value.retry_after == 7


def test_rejected_order_has_the_error_of_the_api(ard, client, request_for):
    with pytest.raises(ArdRequestError) as caught:
        client.submit_order(request_for(acquisitions="10300100FFFFFF00"))
    assert caught.value.status == 400
    assert caught.value.code
    assert "10300100FFFFFF00" in str(caught.value)
    assert len(ard.submissions) == 1


def test_order_is_not_sent_again_after_a_refused_token(ard, client, request_for):
    client.whoami()
    ard.faults.add("POST /order", kind="expire_token", nth=1)
    with pytest.raises(ArdOrderInDoubtError) as caught:
        client.submit_order(request_for())
    assert caught.value.status == 401
    assert len(ard.submissions) <= 1
    client.whoami()


def test_dry_run_is_sent_once(ard, client, request_for):
    ard.faults.add("POST /order", kind="status", status=503)
    with pytest.raises(ArdUnavailableError):
        client.dry_run(request_for())
    assert [r.method for r in ard.requests if r.path.endswith("/order/")] == ["POST"]


def test_get_is_retried_with_exponential_jitter(ard, client, retry_pauses):
    ard.faults.add("GET /auth/self", kind="status", status=503, nth=1, times=3)
    client.whoami()
    assert len(retry_pauses) == 3
    assert all(0 <= pause <= 0.5 * 2**number for number, pause in enumerate(retry_pauses))


def test_get_honors_retry_after(ard, client, retry_pauses):
    ard.faults.add("GET /auth/self", kind="status", status=429, retry_after=11, nth=1)
    client.whoami()
    assert retry_pauses == [11]


def test_long_retry_after_is_raised(ard, client, retry_pauses):
    ard.faults.add("GET /auth/self", kind="status", status=503, retry_after=3600)
    with pytest.raises(ArdUnavailableError) as caught:
        client.whoami()
    assert caught.value.retry_after == 3600
    assert retry_pauses == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_before_accept"},
        {"kind": "gateway_html", "status": 200},
        {"kind": "gateway_html", "status": 404},
        {"kind": "gateway_html"},
    ],
)
def test_gateway_response_is_an_outage(ard, client, fault):
    ard.faults.add("GET /order/status/*", **fault)
    with pytest.raises(ArdUnavailableError):
        client.get_order("1")


def test_unknown_order_is_not_found(client):
    with pytest.raises(ArdNotFoundError) as caught:
        client.get_order("404404")
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("status", "error"), [(403, ArdAuthError), (404, ArdNotFoundError), (400, ArdRequestError), (413, ArdRequestError)]
)
def test_status_code_maps_to_error(ard, client, status, error):
    ard.faults.add("GET /auth/self", kind="status", status=status)
    with pytest.raises(error) as caught:
        client.whoami()
    assert caught.value.status == status


def test_secrets_in_error_responses_are_redacted(ard, client, request_for):
    sas = "https://acct.blob.core.windows.net/c?sv=2024&sig=Abc%2Fdef%3D"
    config = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas}}
    ard.faults.add("POST /order", kind="status", status=400, message=f"cannot write to {sas} (sig=Abc%2Fdef%3D)")
    with pytest.raises(ArdRequestError) as caught:
        client.submit_order(request_for(destination=None, output_config=config))
    assert "Abc" not in str(caught.value)
    assert "Abc" not in repr(caught.value)


def test_list_orders_over_pages(ard, client, request_for):
    placed = [client.submit_order(request_for()).id for _ in range(105)]
    assert sorted(order.id for order in client.list_orders()) == sorted(placed)
    assert len(list(client.list_orders(limit=7))) == 7


def test_list_orders_by_metadata(client, request_for):
    client.submit_order(request_for())
    expected = client.submit_order(request_for(metadata={"campaign": "spring:2026"}))
    assert [order.id for order in client.list_orders(filter="metadata.campaign:spring:2026")] == [expected.id]


def test_list_with_empty_pages_ends(ard, client):
    ard.faults.add("GET /order", kind="empty_page")
    assert list(client.list_orders()) == []


def test_untrusted_certificate_names_the_field_to_check(tmp_path, retry_pauses):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(tls=True) as ard:
        login = Login(ard.login, ard.password)
        with ArdClient(login, host=ard.url) as client, pytest.raises(ArdUnavailableError, match="verify"):
            client.whoami()
        with ArdClient(login, host=ard.url, verify=ard.ca_file) as client:
            assert client.whoami().email


def test_closed_port_is_an_outage(retry_pauses):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        ArdClient(Login("u", "p"), host=f"http://127.0.0.1:{port}") as client,
        pytest.raises(ArdUnavailableError, match="connection refused"),
    ):
        client.whoami()
    assert len(retry_pauses) == 3


def test_error_message_contains_its_fields():
    text = str(ArdError("no", status=400, code="invalid_input", type="t", request_id="r-1"))
    assert text == "no (HTTP status 400, code invalid_input, type t, request ID r-1)"


def test_retry_after_may_be_a_date():
    import email.utils
    import time

    from airflow_provider_ard.api.http.responses import error_from_response

    response = requests.Response()
    response.status_code, response._content = 503, b"{}"
    response.headers["Retry-After"] = email.utils.formatdate(time.time() + 120, usegmt=True)
    error = error_from_response(response, "GET /x", ArdUnavailableError)
    assert 110 < error.retry_after <= 120
