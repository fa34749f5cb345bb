"""No secret is anywhere in Airflow: not in logs, XCom, rendered fields, trigger rows or the serialized DAG.

Every file below AIRFLOW_HOME is searched, the metadata database byte by byte.
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

PASSWORD_TYPED = "Typed-Wr0ng-Passw0rd"
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
    # The API refuses the first order, and repeats its secret.
    refused = order("refused", {"azure_blob_storage": {**AZURE, "sas_url": sas}})
    # Known when the DAG is parsed, rendered by a template, from a file, as JSON, and in a mapped task.
    later = {"trigger_rule": "all_done"}
    literal = order("literal", {"azure_blob_storage": {**AZURE, "sas_url": sas}}, **later)
    google = {"bucket": "b", "prefix": "p"}
    refused >> [
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
FAIL = {"refused", "wrong_password"}


def forms(secret: str) -> set[bytes]:
    """Return what a secret may look like where it leaked."""
    return {form.encode() for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])}


def found_in(folder: Path, secrets: dict[str, str]) -> dict[str, list[str]]:
    """Return the files that hold a secret, by its name."""
    wanted = {name: forms(secret) for name, secret in secrets.items()}
    found: dict[str, list[str]] = {}
    for file in (path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        for name, looks in wanted.items():
            if any(look in content for look in looks):
                found.setdefault(name, []).append(str(file.relative_to(folder)))
    return found


def test_no_secret_is_anywhere(tmp_path):
    home, dags, state = tmp_path / "airflow", tmp_path / "dags", tmp_path / "sandbox.sqlite"
    dags.mkdir()
    (dags / "secrets.py").write_text(DAGS)
    (tmp_path / "key.json").write_text(json.dumps(KEY))
    with Sandbox(order_duration="1d", state=state) as ard:
        wrong = json.loads(ard.connection_json) | {"password": PASSWORD_TYPED}
        env = {
            "AIRFLOW_CONN_ARD_DEFAULT": ard.connection_json,
            "AIRFLOW_CONN_ARD_WRONG": json.dumps(wrong),
            "AIRFLOW_VAR_SAS_TEMPLATE": SAS_TEMPLATE,
            "TEST_SAS_LITERAL": SAS_LITERAL,
            "TEST_KEY_FILE": str(tmp_path / "key.json"),
            "TEST_KEY_JSON": json.dumps(KEY),
            # The chattiest log there is.
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        }
        with StandaloneAirflow(home, dags, env=env) as airflow:
            airflow.wait_for_dag("secrets")
            # An API that repeats what it was sent, secrets and all.
            echo = ard.faults.add(
                "POST /order", kind="status", status=400, message=f"cannot write to {SAS_LITERAL}", nth=1
            )
            run_id = airflow.api.trigger("secrets")
            airflow.wait_for_task("secrets", run_id, "wait", "deferred", 180)
            assert echo.fired == 1
            for order in ard.orders:
                ard.finish_order(order.id)
            airflow.wait_until(
                lambda: airflow.api.run_state("secrets", run_id) in {"success", "failed"}, within=180, what="the end"
            )
            states = {task: airflow.api.task("secrets", run_id, task)["state"] for task in SUCCEED | FAIL}
    with sqlite3.connect(state) as database:
        tokens = database.execute("SELECT kind, key FROM document WHERE kind IN ('access', 'refresh')").fetchall()
    database.close()
    assert states == dict.fromkeys(SUCCEED, "success") | dict.fromkeys(FAIL, "failed")
    # Every login leaves an access and a refresh token.
    assert len(tokens) >= 2
    secrets = {f"{kind} token {number}": token for number, (kind, token) in enumerate(tokens)} | {
        "password": ard.password,
        "wrong password": PASSWORD_TYPED,
        "literal SAS signature": "L1teral%2FS1gnature",
        "literal SAS signature, decoded": "L1teral/S1gnature",
        "template SAS signature": "T3mplate%2FS1gnature",
        "private key": "Pr1vateKeyBody",
        "credentials": base64.b64encode(json.dumps(KEY).encode()).decode(),
    }
    assert found_in(home, secrets) == {}
    # It would have been found: what is not secret is there.
    assert len(found_in(home, {"container": "azure_blob_storage"})["container"]) >= 2


def test_the_search_finds_a_planted_secret(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "task.log").write_text(f"url=https://x?sig={quote(PLANTED, safe='')}")
    with sqlite3.connect(tmp_path / "airflow.db") as database:
        database.execute("CREATE TABLE xcom (value TEXT)")
        database.execute("INSERT INTO xcom VALUES (?)", (json.dumps({"a": PLANTED}),))
    database.close()
    assert len(found_in(tmp_path, {"planted": PLANTED})["planted"]) == 2
