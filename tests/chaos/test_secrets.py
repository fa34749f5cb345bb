"""Secrets appear nowhere in Airflow: not in logs, XCom, rendered fields, trigger rows or the serialized DAG.

The tests search every file below AIRFLOW_HOME, including the bytes of the metadata database.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import requests

from airflow_provider_ard.sandbox import Sandbox
from demo.standalone import StandaloneAirflow

pytestmark = [pytest.mark.standalone, pytest.mark.timeout(900)]

DAGS = Path(__file__).parent / "secrets_dags"
WRONG_PASSWORD = "Typed/Wr0ng Passw0rd+1"
WRONG_SECRET = "Cl!ent/Secr3t+Of A~Connection"
WRONG_REFRESH_TOKEN = "Refr3sh/T0ken+Of.A-Connection=="
KEY = {"type": "service_account", "project_id": "p", "private_key": "-----BEGIN PRIVATE KEY-----\nPr1vateKeyBody\n"}
PLANTED = "Planted/Secret+That Must~Be-Found"
# Routes by which the secret reaches the API, and those that end in an error.
SENT = (
    "literal",
    "json",
    "python_literal",
    "user_dict",
    "mapping_proxy",
    "group",
    "partial",
    "expand",
    "expand_kwargs",
    "template",
    "template_of_all",
)
NOT_SENT = ("destination", "intersects", "metadata", "select_intersects", "refused", "echoed")
FAIL = {"destination", "destination_template", "intersects", "metadata", "select_intersects"}


def signature(route: str) -> str:
    return f"Sig/{route}+Pl4nted="


def sas(route: str) -> str:
    query = f"sv=2024-01-01&se=2099-01-01&sp=rcw&sr=c&sig={quote(signature(route), safe='')}"
    return f"https://acct.blob.core.windows.net/c?{query}"


def encodings(secret: str) -> set[bytes]:
    """Return the encodings in which a secret could leak: raw, URL-encoded, JSON-escaped and in base64."""
    forms = {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote(secret, safe="").lower(),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        secret.replace("/", "\\/"),
    }
    # Within a longer string such as `id:secret`, a secret starts at any of three offsets of a base64 group.
    raw = [secret.encode(), quote_plus(secret).encode()]
    cores = {base64.b64encode(b"0" * offset + form).decode()[4:-8] for offset in range(3) for form in raw}
    return {form.encode() for form in forms | {core for core in cores if len(core) >= 8}}


def find_leaks(folder: Path, secrets: dict[str, str]) -> dict[str, list[str]]:
    """Return the files that contain each secret, by the secret's name."""
    patterns = {name: encodings(secret) for name, secret in secrets.items()}
    leaks: dict[str, list[str]] = {}
    for file in (path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        for name, encoded in patterns.items():
            if any(pattern in content for pattern in encoded):
                leaks.setdefault(name, []).append(str(file.relative_to(folder)))
    return leaks


def connections(ard: Sandbox) -> dict[str, str]:
    """Return the environment variables of the Connections."""
    form = {"grant_type": "password", "username": ard.login, "password": ard.password}
    token = requests.post(f"{ard.url}/api/v1/auth/authenticate", data=form, timeout=5).json()["access_token"]
    own = json.loads(ard.connection_json)
    others = {
        # As read from a file.
        "token": {"extra": {"access_token": f"{token}\n"}},
        "password": {"login": "me@example.com", "password": WRONG_PASSWORD},
        "client": {"extra": {"client_id": "my-id", "client_secret": WRONG_SECRET}},
        "refresh": {"extra": {"refresh_token": WRONG_REFRESH_TOKEN}},
    }
    address = {"conn_type": "ard", "host": own["host"]}
    return {"AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json} | {
        f"AIRFLOW_CONN_ARD_{name.upper()}": json.dumps(address | fields) for name, fields in others.items()
    }


def run(airflow: StandaloneAirflow, dag_id: str, within: float) -> str:
    run_id = airflow.api.trigger(dag_id)
    airflow.wait_until(
        lambda: airflow.api.run_state(dag_id, run_id) in {"success", "failed"},
        within=within,
        what=f"{dag_id} has ended",
    )
    return run_id


def test_no_secret_in_airflow_home(tmp_path):
    home, dags, state = tmp_path / "airflow", tmp_path / "dags", tmp_path / "sandbox.sqlite"
    dags.mkdir()
    for name in ("routes", "echoed"):
        shutil.copy(DAGS / f"{name}.py", dags)
    (tmp_path / "key.json").write_text(json.dumps(KEY))
    template_of_all = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas("template_of_all")}}
    with Sandbox(order_duration="1d", select_duration="1s", state=state) as ard:
        env = connections(ard) | {
            **{f"TEST_SAS_{route.upper()}": sas(route) for route in (*SENT, *NOT_SENT)},
            "AIRFLOW_VAR_SAS": sas("template"),
            "AIRFLOW_VAR_CONFIG": json.dumps(template_of_all),
            "TEST_KEY_FILE": str(tmp_path / "key.json"),
            "TEST_KEY_JSON": json.dumps(KEY),
            # The most verbose log level.
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        }
        with StandaloneAirflow(home, dags, env=env) as airflow:
            airflow.wait_for_dag("routes")
            airflow.wait_for_dag("echoed")
            echoes = [
                ard.faults.add(endpoint, kind="echo_request")
                for endpoint in ("POST /order", "POST /auth/authenticate", "POST /auth/authenticate/oauth2/token")
            ]
            echoed = run(airflow, "echoed", 240)
            echoed_states = {task["state"] for task in airflow.api.tasks("echoed", echoed)}
            assert all(echo.fired for echo in echoes)
            for echo in echoes:
                ard.faults.remove(echo)
            run_id = airflow.api.trigger("routes")
            airflow.wait_for_task("routes", run_id, "wait", "deferred", 400)
            # Airflow fails a task that resumes before the executor has reported that it was deferred.
            airflow.wait_until(
                lambda: (
                    sum(task["state"] in {"success", "failed"} for task in airflow.api.tasks("routes", run_id)) == 19
                ),
                within=300,
                what="all tasks but one have ended",
            )
            for order in ard.orders:
                ard.finish_order(order.id)
            airflow.wait_until(
                lambda: airflow.api.run_state("routes", run_id) in {"success", "failed"},
                within=300,
                what="routes ended",
            )
            states = {task["task_id"]: task["state"] for task in airflow.api.tasks("routes", run_id)}
            for name in ("default_args", "task_group"):
                shutil.copy(DAGS / "refused.py", dags / f"{name}.py")
            airflow.wait_until(lambda: len(airflow.api.import_errors()) == 2, within=120, what="two files are refused")
            errors = airflow.api.import_errors()
        sent = json.dumps([record.body for record in ard.submissions])
    with sqlite3.connect(state) as database:
        tokens = database.execute("SELECT kind, key FROM document WHERE kind IN ('access', 'refresh')").fetchall()
    database.close()
    assert echoed_states == {"failed"}
    assert {task for task, state in states.items() if state != "success"} == FAIL, states
    assert [error for error in errors.values() if "credentials_ids" not in error] == []
    assert [route for route in SENT if sas(route) not in sent] == []
    # Every login issues an access token and a refresh token.
    assert len(tokens) >= 2
    secrets = {f"{kind} token {number}": token for number, (kind, token) in enumerate(tokens)} | {
        "password": ard.password,
        "wrong password": WRONG_PASSWORD,
        "client secret": WRONG_SECRET,
        "refresh token": WRONG_REFRESH_TOKEN,
        "private key": "Pr1vateKeyBody",
        "credentials": base64.b64encode(json.dumps(KEY).encode()).decode(),
    }
    secrets |= {f"SAS URL by {route}": signature(route) for route in (*SENT, *NOT_SENT)}
    assert find_leaks(home, secrets) == {}
    signed_links = re.compile(rb"/signed/select/[^\s\"']*signature=[0-9a-f]{16}")
    assert [str(file) for file in home.rglob("*.log") if signed_links.search(file.read_bytes())] == []
    # The search works: a string that is not secret is found, and so is the log line of the signed link.
    assert len(find_leaks(home, {"container": "azure_blob_storage"})["container"]) >= 2
    assert any(b"/signed/select/" in file.read_bytes() for file in home.rglob("*.log"))


@pytest.mark.parametrize("encode", [str, quote_plus, lambda text: json.dumps(text)[1:-1]])
def test_search_finds_planted_secret(tmp_path, encode):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "task.log").write_text(f"url=https://x?sig={encode(PLANTED)}")
    (tmp_path / "logs" / "header.log").write_text(base64.b64encode(f"my-id:{PLANTED}".encode()).decode())
    (tmp_path / "logs" / "body.log").write_text(base64.b64encode(f"password={encode(PLANTED)}&a=b".encode()).decode())
    with sqlite3.connect(tmp_path / "airflow.db") as database:
        database.execute("CREATE TABLE xcom (value TEXT)")
        database.execute("INSERT INTO xcom VALUES (?)", (json.dumps({"a": PLANTED}),))
    database.close()
    assert len(find_leaks(tmp_path, {"planted": PLANTED})["planted"]) == 4
