"""Secrets appear nowhere in Airflow: not in logs, XCom, rendered fields, trigger rows or the serialized DAG.

The tests search every file below AIRFLOW_HOME, including the bytes of the metadata database.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest

from airflow_provider_ard.sandbox import Sandbox
from demo.standalone import StandaloneAirflow

pytestmark = [pytest.mark.standalone, pytest.mark.timeout(600)]

WRONG_PASSWORD = "Typed-Wr0ng-Passw0rd"
SAS_LITERAL = "https://acct.blob.core.windows.net/c?sv=2024-01-01&se=2099-01-01&sp=rcw&sr=c&sig=L1teral%2FS1gnature%3D"
SAS_TEMPLATE = (
    "https://acct.blob.core.windows.net/c?sv=2024-01-01&se=2099-01-01&sp=rcw&sr=c&sig=T3mplate%2FS1gnature%3D"
)
KEY = {"type": "service_account", "project_id": "p", "private_key": "-----BEGIN PRIVATE KEY-----Pr1vateKeyBody-----END"}
PLANTED = "Planted-Secret-That-Must-Be-Found"
DAGS = """
import os
from datetime import timedelta

from airflow.sdk import dag

from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor

AZURE = {"container": "c", "prefix": "p"}
CELL = {"1040010060C9AD00": ["Z13-031131111333"]}


@dag(schedule=None, default_args={"retries": 0})
def secrets():
    def order(task_id, config, **options):
        return ArdOrderOperator(task_id=task_id, acquisitions=CELL, output_config=config, **options)

    sas = os.environ["TEST_SAS_LITERAL"]
    # The API rejects the first order with a message that repeats its secret.
    rejected = order("rejected", {"azure_blob_storage": {**AZURE, "sas_url": sas}})
    # The secret comes from the DAG file, a template, a key file, JSON, and a mapped task.
    later = {"trigger_rule": "all_done"}
    literal = order("literal", {"azure_blob_storage": {**AZURE, "sas_url": sas}}, **later)
    google = {"bucket": "b", "prefix": "p"}
    rejected >> [
        literal,
        order("template", {"azure_blob_storage": {**AZURE, "sas_url": "{{ var.value.sas_template }}"}}, **later),
        order("file", {"google_cloud_storage": {**google, "service_credentials": os.environ["TEST_KEY_FILE"]}}, **later),
        order("key", {"google_cloud_storage": {**google, "service_credentials": os.environ["TEST_KEY_JSON"]}}, **later),
        ArdOrderOperator.partial(
            task_id="mapped", output_config={"azure_blob_storage": {**AZURE, "sas_url": sas}}, **later
        ).expand(acquisitions=[CELL]),
        ArdOrderOperator(
            task_id="wrong_password", acquisitions=CELL, destination="b/p", ard_conn_id="ard_wrong", **later
        ),
    ]
    ArdOrderSensor(task_id="wait", order_id=literal.output, poke_interval=1)


secrets()
"""
SUCCEED = {"literal", "template", "file", "key", "wait"}
FAIL = {"rejected", "wrong_password"}


def encodings(secret: str) -> set[bytes]:
    """Return the encodings in which a secret could leak."""
    return {form.encode() for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])}


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


def test_no_secret_in_airflow_home(tmp_path):
    home, dags, state = tmp_path / "airflow", tmp_path / "dags", tmp_path / "sandbox.sqlite"
    dags.mkdir()
    (dags / "secrets.py").write_text(DAGS)
    (tmp_path / "key.json").write_text(json.dumps(KEY))
    with Sandbox(order_duration="1d", state=state) as ard:
        wrong = json.loads(ard.connection_json) | {"password": WRONG_PASSWORD}
        env = {
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "AIRFLOW_CONN_ARD_WRONG": json.dumps(wrong),
            "AIRFLOW_VAR_SAS_TEMPLATE": SAS_TEMPLATE,
            "TEST_SAS_LITERAL": SAS_LITERAL,
            "TEST_KEY_FILE": str(tmp_path / "key.json"),
            "TEST_KEY_JSON": json.dumps(KEY),
            # The most verbose log level.
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        }
        with StandaloneAirflow(home, dags, env=env) as airflow:
            airflow.wait_for_dag("secrets")
            # Let the API repeat the request's secret in its error message.
            echo = ard.faults.add(
                "POST /order", kind="status", status=400, message=f"cannot write to {SAS_LITERAL}", nth=1
            )
            run_id = airflow.api.trigger("secrets")
            airflow.wait_for_task("secrets", run_id, "wait", "deferred", 180)
            assert echo.fired == 1
            for order in ard.orders:
                ard.finish_order(order.id)
            airflow.wait_until(
                lambda: airflow.api.run_state("secrets", run_id) in {"success", "failed"},
                within=180,
                what="the run has ended",
            )
            states = {task: airflow.api.task("secrets", run_id, task)["state"] for task in SUCCEED | FAIL}
    with sqlite3.connect(state) as database:
        tokens = database.execute("SELECT kind, key FROM document WHERE kind IN ('access', 'refresh')").fetchall()
    database.close()
    assert states == dict.fromkeys(SUCCEED, "success") | dict.fromkeys(FAIL, "failed")
    # Every login issues an access token and a refresh token.
    assert len(tokens) >= 2
    secrets = {f"{kind} token {number}": token for number, (kind, token) in enumerate(tokens)} | {
        "password": ard.password,
        "wrong password": WRONG_PASSWORD,
        "literal SAS signature": "L1teral%2FS1gnature",
        "literal SAS signature, decoded": "L1teral/S1gnature",
        "template SAS signature": "T3mplate%2FS1gnature",
        "private key": "Pr1vateKeyBody",
        "credentials": base64.b64encode(json.dumps(KEY).encode()).decode(),
    }
    assert find_leaks(home, secrets) == {}
    # The search works: a string that is not secret is found.
    assert len(find_leaks(home, {"container": "azure_blob_storage"})["container"]) >= 2


def test_search_finds_planted_secret(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "task.log").write_text(f"url=https://x?sig={quote(PLANTED, safe='')}")
    with sqlite3.connect(tmp_path / "airflow.db") as database:
        database.execute("CREATE TABLE xcom (value TEXT)")
        database.execute("INSERT INTO xcom VALUES (?)", (json.dumps({"a": PLANTED}),))
    database.close()
    assert len(find_leaks(tmp_path, {"planted": PLANTED})["planted"]) == 2
