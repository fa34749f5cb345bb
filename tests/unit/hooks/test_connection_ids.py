"""IDs of Connections, which templates render to anything: checked before any request, and never shown if a URI."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.hooks.connection_ids import check_conn_id
from airflow_provider_ard.hooks.storage import AirflowObjectStore
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.sensors.order import ArdOrderSensor
from airflow_provider_ard.triggers.order import ArdOrderTrigger
from airflow_provider_ard.version_compat import AirflowFailException

URI = "ard://me:s3cret@host"
INVALID = [None, 5, "", "None", " ard_default", "ard\n", "a" * 251, "me@host", b"c", URI, "ard://me:s3cret"]


@pytest.mark.parametrize("conn_id", ["ard_default", "team/ard:prod-2.0", "ärd", "a" * 250])
def test_conn_id_of_airflow_is_valid(conn_id):
    assert check_conn_id(conn_id, "ard_conn_id") == conn_id


@pytest.mark.parametrize("conn_id", INVALID, ids=str)
def test_invalid_conn_id_is_named(conn_id):
    with pytest.raises(AirflowFailException, match=r"^ard_conn_id: expected the ID of a Connection, got ") as caught:
        ArdHook(conn_id).get_conn()
    assert isinstance(caught.value, ArdRequestError)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("argument", ["ard_conn_id", "storage_conn_id"])
@pytest.mark.parametrize(
    "task",
    [
        lambda **arguments: ArdOrderOperator(
            task_id="t", acquisitions="10400100E82CCE00", destination="b", **arguments
        ),
        lambda **arguments: ArdOrderSensor(task_id="t", order_id="1", **arguments),
        lambda **arguments: ArdListTilesOperator(task_id="t", order_id="1", **arguments),
    ],
)
def test_invalid_conn_id_of_a_task_is_an_error_before_any_request(ard, ard_connection, context, task, argument):
    for conn_id in (5, " ard_default", URI):
        with pytest.raises(AirflowFailException, match=f"^{argument}: expected the ID of a Connection") as caught:
            task(**{argument: conn_id}).execute(context)
        assert "s3cret" not in str(caught.value)
    assert not any(context["ti"].xcoms.values())
    assert not ard.requests


def test_invalid_conn_id_of_a_trigger_is_an_event():
    async def event():
        async for event in ArdOrderTrigger(["1"], URI).run():
            return event.payload
        return None

    payload = asyncio.run(event())
    assert payload["error"] == "ArdRequestError"
    assert "s3cret" not in str(payload)


def test_invalid_conn_id_of_a_watcher_is_an_error_of_the_dag_file():
    pytest.importorskip("airflow.sdk", reason="asset watchers came with Airflow 3")
    from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger

    with pytest.raises(ArdRequestError, match=r"^ard_conn_id: expected the ID of a Connection, got a URI$"):
        ArdNewImageryTrigger(bbox=[-105.2, 40.1, -105.0, 40.25], ard_conn_id=URI)


def test_invalid_conn_id_of_a_storage_is_named():
    with pytest.raises(ArdRequestError, match=r"^storage_conn_id: expected the ID of a Connection, got a URI$"):
        AirflowObjectStore("aws://key:s3cret@")
