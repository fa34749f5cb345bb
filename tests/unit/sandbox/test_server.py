import json
import signal
import subprocess
import sys
from datetime import timedelta
from urllib.parse import unquote, urlsplit

import pytest
import requests
from click.testing import CliRunner

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.sandbox.__main__ import main
from airflow_provider_ard.sandbox.backend.durations import parse_duration

from .conftest import Api


def test_stop_and_start_keep_port_tokens_and_orders(ard, api):
    url = ard.url
    order_id = api.order().json()["id"]
    ard.stop()
    with pytest.raises(requests.ConnectionError):
        api.status(order_id)
    ard.start()
    assert ard.url == url
    assert api.status(order_id)["status"] == "SUCCEEDED"


def test_it_does_not_start_twice(ard):
    with pytest.raises(RuntimeError, match="running already"):
        ard.start()


def test_what_it_knows_can_be_read_after_the_end(tmp_path):
    with Sandbox(order_duration=0, storage=tmp_path, pixels=256) as ard:
        api = Api(ard)
        for acquisition in ard.acquisitions[:6]:
            api.order(acquisitions=[{"id": acquisition}])
        api.session.close()
    assert len(ard.orders) == 6
    assert len(ard.submissions) == 6


def test_tls_is_for_localhost_and_its_address():
    with Sandbox(tls=True) as ard:
        session = requests.Session()
        session.trust_env = False
        for host in ("localhost", "127.0.0.1"):
            url = f"https://{host}:{urlsplit(ard.url).port}/api/v1/auth/self"
            assert session.get(url, verify=ard.ca_file, timeout=9).status_code == 401
            with pytest.raises(requests.exceptions.SSLError):
                session.get(url, timeout=9)
        session.close()


@pytest.mark.parametrize("tls", [False, True])
def test_connections_for_airflow(tls):
    with Sandbox(tls=tls) as ard:
        connection = json.loads(ard.connection_json)
        assert connection["host"] == ard.url
        assert (connection["login"], connection["password"]) == (ard.login, ard.password)
        assert connection["extra"] == ({"verify": ard.ca_file} if tls else {})
        parts = urlsplit(ard.connection_uri)
        assert parts.scheme == "ard"
        assert unquote(parts.netloc.rpartition("@")[2]) == ard.url


def test_airflow_reads_the_uri():
    code = (
        "import json, sys; from airflow.models.connection import Connection; c = Connection(uri=sys.argv[1])\n"
        "print(json.dumps([c.conn_type, c.host, c.login, c.password, c.extra_dejson]))"
    )
    with Sandbox(tls=True) as ard:
        # In a process of its own: Airflow's models warn when they are loaded.
        run = subprocess.run(
            [sys.executable, "-c", code, ard.connection_uri], capture_output=True, check=True, text=True, timeout=120
        )
        read = json.loads(run.stdout.splitlines()[-1])
        assert read == ["ard", ard.url, ard.login, ard.password, {"verify": ard.ca_file}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.2s", 0.2), ("250ms", 0.25), ("3m", 180), ("12h", 43_200), ("3d", 259_200), (5, 5), ("7", 7)],
)
def test_durations(text, expected):
    assert parse_duration(text) == expected
    assert parse_duration(timedelta(seconds=expected)) == expected


@pytest.mark.parametrize("text", ["soon", "-3s", "", "3 weeks", -1])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_importing_it_is_light():
    code = (
        "import sys, airflow_provider_ard.sandbox as s\n"
        "assert not {'fastapi', 'rasterio', 'uvicorn', 'numpy', 'airflow'} & set(sys.modules)\n"
        "s.Sandbox\n"
        "assert 'airflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("tls", [False, True])
def test_the_command_line(tmp_path, tls):
    command = [
        sys.executable,
        "-m",
        "airflow_provider_ard.sandbox",
        *("--port", "0", "--order-duration", "0.1s", "--storage", str(tmp_path / "out"), "--pixels", "32"),
        *("--fault", "kind=status,endpoint=GET /auth/self,status=503,nth=1"),
        *(["--tls"] if tls else []),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            told = json.loads(process.stdout.readline())
            assert told["storage"] == f"file://{tmp_path}/out"
            assert ("ca_file" in told) is tls
            # The one of all examples.
            assert "10400100E82CCE00" in told["acquisitions"]
            session = requests.Session()
            session.trust_env = False
            session.verify = told.get("ca_file", True)
            fields = {"grant_type": "password", "username": told["login"], "password": told["password"]}
            tokens = session.post(f"{told['url']}/api/v1/auth/authenticate", data=fields, timeout=9).json()
            session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
            codes = [session.get(f"{told['url']}/api/v1/auth/self", timeout=9).status_code for _ in range(2)]
            assert codes == [503, 200]
            order = {
                "acquisitions": [{"id": told["acquisitions"][0]}],
                "output_config": {"bucket": "b", "prefix": ""},
            }
            assert session.post(f"{told['url']}/api/v1/order/", json=order, timeout=9).json()["id"]
            session.close()
        finally:
            process.send_signal(signal.SIGTERM if tls else signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out == ""
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "options",
    [
        ["--limit", "annual"],
        ["--limit", "monthly=3"],
        ["--clock-rate", "-1"],
        ["order"],
        ["--fault", "kind=magic"],
        ["--order-duration", "soon"],
        ["--storage", "ftp://x"],
        ["--fault", "x"],
    ],
)
def test_bad_options_are_explained(options):
    run = CliRunner().invoke(main, ["--port", "0", *options])
    assert run.exit_code == 2
    assert "Error:" in run.output


def test_a_taken_port_is_told_in_a_line(ard):
    run = CliRunner().invoke(main, ["--port", str(urlsplit(ard.url).port)])
    assert run.exit_code == 1
    assert run.output == f"Error: port {urlsplit(ard.url).port} of 127.0.0.1 is taken: give another by --port\n"


def test_an_address_of_another_machine_is_told_in_a_line():
    run = CliRunner().invoke(main, ["--host", "192.0.2.1", "--port", "0"])
    assert run.exit_code == 1
    assert run.output.startswith("Error: port 0 of 192.0.2.1 cannot be used: ")
