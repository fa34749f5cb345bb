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
from airflow_provider_ard.sandbox.faults.kinds import KINDS
from tests.unit.sandbox.conftest import Api


def test_stop_and_start_keep_port_tokens_and_orders(ard, api):
    url = ard.url
    order_id = api.order().json()["id"]
    ard.stop()
    with pytest.raises(requests.ConnectionError):
        api.status(order_id)
    ard.start()
    assert ard.url == url
    assert api.status(order_id)["status"] == "SUCCEEDED"


def test_starting_twice_raises(ard):
    with pytest.raises(RuntimeError, match="running already"):
        ard.start()


def test_orders_are_readable_after_close(tmp_path):
    with Sandbox(order_duration=0, storage=tmp_path, pixels=256) as ard:
        api = Api(ard)
        for acquisition in ard.acquisitions[:6]:
            api.order(acquisitions=[{"id": acquisition}])
        api.session.close()
    assert len(ard.orders) == 6
    assert len(ard.submissions) == 6


def test_certificate_is_valid_for_localhost_and_127_0_0_1():
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
def test_connection_json_and_uri(tls):
    with Sandbox(tls=tls) as ard:
        connection = json.loads(ard.connection_json)
        assert connection["host"] == ard.url
        assert (connection["login"], connection["password"]) == (ard.login, ard.password)
        assert connection["extra"] == ({"verify": ard.ca_file} if tls else {})
        parts = urlsplit(ard.connection_uri)
        assert parts.scheme == "ard"
        assert unquote(parts.netloc.rpartition("@")[2]) == ard.url


def test_airflow_parses_connection_uri():
    code = (
        "import json, sys; from airflow.models.connection import Connection; c = Connection(uri=sys.argv[1])\n"
        "print(json.dumps([c.conn_type, c.host, c.login, c.password, c.extra_dejson]))"
    )
    with Sandbox(tls=True) as ard:
        # In another process, since Airflow's models emit warnings on import.
        run = subprocess.run(
            [sys.executable, "-c", code, ard.connection_uri], capture_output=True, check=True, text=True, timeout=120
        )
        fields = json.loads(run.stdout.splitlines()[-1])
        assert fields == ["ard", ard.url, ard.login, ard.password, {"verify": ard.ca_file}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.2s", 0.2), ("250ms", 0.25), ("3m", 180), ("12h", 43_200), ("3d", 259_200), (5, 5), ("7", 7)],
)
def test_durations(text, expected):
    assert parse_duration(text) == expected
    assert parse_duration(timedelta(seconds=expected)) == expected


@pytest.mark.parametrize("text", ["soon", "-3s", "", "3 weeks", -1])
def test_invalid_durations(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_import_loads_no_heavy_modules():
    code = (
        "import sys, airflow_provider_ard.sandbox as s\n"
        "assert not {'fastapi', 'rasterio', 'uvicorn', 'numpy', 'airflow'} & set(sys.modules)\n"
        "s.Sandbox\n"
        "assert 'airflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("tls", [False, True])
def test_command_line(tmp_path, tls):
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
            details = json.loads(process.stdout.readline())
            assert details["storage"] == f"file://{tmp_path}/out"
            assert ("ca_file" in details) is tls
            # The acquisition used in all examples.
            assert "10400100E82CCE00" in details["acquisitions"]
            session = requests.Session()
            session.trust_env = False
            session.verify = details.get("ca_file", True)
            fields = {"grant_type": "password", "username": details["login"], "password": details["password"]}
            tokens = session.post(f"{details['url']}/api/v1/auth/authenticate", data=fields, timeout=9).json()
            session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
            codes = [session.get(f"{details['url']}/api/v1/auth/self", timeout=9).status_code for _ in range(2)]
            assert codes == [503, 200]
            order = {
                "acquisitions": [{"id": details["acquisitions"][0]}],
                "output_config": {"bucket": "b", "prefix": ""},
            }
            assert session.post(f"{details['url']}/api/v1/order/", json=order, timeout=9).json()["id"]
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
def test_invalid_options_are_usage_errors(options):
    run = CliRunner().invoke(main, ["--port", "0", *options])
    assert run.exit_code == 2
    assert "Error:" in run.output


def test_list_faults_describes_every_kind():
    run = CliRunner().invoke(main, ["--list-faults"])
    assert run.exit_code == 0
    for name, kind in KINDS.items():
        assert f"{name}: {kind.summary}" in run.output


def test_port_in_use_is_a_one_line_error(ard):
    run = CliRunner().invoke(main, ["--port", str(urlsplit(ard.url).port)])
    assert run.exit_code == 1
    assert run.output.startswith(f"Error: port {urlsplit(ard.url).port} of 127.0.0.1")
    assert "--port" in run.output


def test_foreign_address_is_a_one_line_error():
    run = CliRunner().invoke(main, ["--host", "192.0.2.1", "--port", "0"])
    assert run.exit_code == 1
    assert run.output.startswith("Error: port 0 of 192.0.2.1")
