import socket

import pytest
import requests

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.proxy import Proxy
from tests.unit.sandbox.conftest import Api


@pytest.fixture
def proxy():
    with Proxy() as running:
        yield running


@pytest.mark.parametrize("tls", [False, True])
def test_requests_and_resets_pass_the_proxy(proxy, tls):
    with Sandbox(tls=tls, order_duration=0) as ard:
        api = Api(ard)
        direct_requests = len(ard.requests)
        api.session.close()
        api.session.proxies = {"http": proxy.url, "https": proxy.url}
        assert [api.order().status_code for _ in range(2)] == [200, 200]
        assert len(ard.requests) == direct_requests + 2
        ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
        with pytest.raises(requests.ConnectionError) as caught:
            api.order()
        # Within TLS, Python mostly reports the reset as the end of the stream.
        messages = ("RemoteDisconnected", "Connection reset") if tls else ("Connection reset",)
        assert any(message in str(caught.value) for message in messages)
        assert len(ard.orders) == 3
        assert api.order().status_code == 200
        assert {str(port) for _, port in proxy.targets} == {ard.url.rpartition(":")[2]}
        api.session.close()


def test_unreachable_target_is_502(proxy):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    response = requests.get(f"http://127.0.0.1:{port}/", proxies={"http": proxy.url}, timeout=9)
    assert response.status_code == 502
