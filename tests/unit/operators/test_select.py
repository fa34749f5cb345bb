from __future__ import annotations

import json
from datetime import timedelta

import pendulum
import pytest

from airflow_provider_ard.api.arguments import SELECT_ARGUMENTS
from airflow_provider_ard.exceptions import ArdError, ArdRequestError, ArdSelectFailed, ArdUnavailableError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers.select import ArdSelectTrigger
from airflow_provider_ard.version_compat import AirflowException, AirflowFailException, AirflowSkipException
from tests.airflow_names import TaskDeferred

BBOX = [-105.13, 40.14, -105.06, 40.19]
EMPTY_BBOX = [10.0, 50.0, 10.1, 50.1]


@pytest.fixture
def select(ard_connection, retry_pauses):
    def make(**arguments):
        return ArdSelectOperator(**{"task_id": "select", "bbox": BBOX, **arguments})

    return make


@pytest.fixture
def slow(ard_connection, monkeypatch, retry_pauses):
    """A sandbox whose Selects run for a day of its clock."""
    with Sandbox(select_duration="1d") as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
        yield sandbox


@pytest.fixture
def sleeps(monkeypatch):
    """Skip the pauses of the operator and return their lengths in seconds."""
    pauses = []
    monkeypatch.setattr("airflow_provider_ard.operators.select.time.sleep", pauses.append)
    return pauses


def submitted(ard):
    return [record for record in ard.requests if record.endpoint == "POST /select"]


def test_select_returns_its_id_and_pushes_the_results(ard, select, context, log_text):
    select_id = select(stack_depth=2).execute(context)
    xcoms = context["ti"].xcoms
    assert xcoms["counts"]["acquisitions"] == len(xcoms["acquisitions"]) > 1
    assert xcoms["counts"]["tiles"] == sum(len(acquisition["cells"]) for acquisition in xcoms["acquisitions"])
    assert xcoms["usage"]["area"]["total_imagery_sqkm"] > 0
    assert json.loads(json.dumps(xcoms)) == xcoms
    assert f"Select {select_id} found {xcoms['counts']['tiles']} tiles" in log_text()
    assert len(submitted(ard)) == 1
    assert sum(record.endpoint.startswith("POST /auth/authenticate") for record in ard.requests) == 1


def test_order_accepts_the_id_and_the_acquisitions(ard, select, context):
    select_id = select(stack_depth=1).execute(context)
    acquisitions = context["ti"].xcoms["acquisitions"]
    location = {"destination": "bkt/p"}
    ArdOrderOperator(task_id="by_id", select_id=select_id, **location).execute(context)
    context["ti"].task_id = "by_acquisitions"
    ArdOrderOperator(task_id="by_acquisitions", acquisitions=acquisitions, **location).execute(context)
    context["ti"].task_id, context["ti"].map_index = "mapped", 0
    ArdOrderOperator(task_id="mapped", acquisitions=acquisitions[0], **location).execute(context)
    tiles = [{(tile.acquisition_id, tile.cell_id) for tile in order.tiles} for order in ard.orders]
    assert (
        tiles[0]
        == tiles[1]
        == {(acquisition["id"], cell) for acquisition in acquisitions for cell in acquisition["cells"]}
    )
    assert tiles[2] == {(acquisitions[0]["id"], cell) for cell in acquisitions[0]["cells"]}


def test_too_many_tiles_are_not_pushed(select, context, log_text, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.operators.select.MAX_TILES_IN_XCOM", 3)
    assert select().execute(context)
    assert "acquisitions" not in context["ti"].xcoms
    assert context["ti"].xcoms["counts"]["tiles"] > 3
    assert "order by select_id" in log_text()


def test_empty_result_skips_with_skip_if_empty(ard, select, context):
    with pytest.raises(AirflowSkipException, match="found nothing"):
        select(bbox=EMPTY_BBOX, skip_if_empty="True").execute(context)
    assert context["ti"].xcoms["counts"]["tiles"] == 0
    assert select(bbox=EMPTY_BBOX).execute(context)


def test_data_interval_is_searched(ard, select, context):
    start, end = pendulum.datetime(2026, 10, 22), pendulum.datetime(2026, 10, 23)
    context |= {"data_interval_start": start, "data_interval_end": end}
    task = select(datetime="{{ data_interval_start }}/{{ data_interval_end }}")
    task.render_template_fields(context)
    task.execute(context)
    assert submitted(ard)[0].body["datetime"] == "2026-10-22T00:00:00Z/2026-10-22T23:59:59Z"
    assert context["ti"].xcoms["counts"]["acquisitions"] == 1


def test_acquisition_between_two_intervals_is_selected_once(ard, select, context):
    """Each acquisition of the catalog is selected by one of two consecutive intervals."""
    acquired_at = min(tile.acquired_at for tile in ard.catalog if tile.acquired_at.year == 2026 and tile.zone == 13)
    boundary = pendulum.instance(acquired_at)
    selected = []
    for start, end in ((boundary.subtract(days=1), boundary), (boundary, boundary.add(days=1))):
        select(datetime=[start, end]).execute(context)
        selected.append({acquisition["id"] for acquisition in context["ti"].xcoms["acquisitions"]})
    assert selected[0] == set()
    assert len(selected[1]) == 1


def test_invalid_argument_sends_no_request(ard, select, context):
    for arguments in ({"bbox": [1, 2, 3]}, {"if_exists": "fail"}, {"skip_if_empty": "perhaps"}):
        with pytest.raises(ArdRequestError, match=next(iter(arguments))) as caught:
            select(**arguments).execute(context)
        assert isinstance(caught.value, AirflowFailException)
    assert ard.requests == []


def test_every_argument_is_a_template_field():
    assert set(ArdSelectOperator.template_fields) == {*SELECT_ARGUMENTS, "skip_if_empty", "if_exists", "ard_conn_id"}


def test_select_is_mapped_over_aois(ard, select, context):
    mapped = ArdSelectOperator.partial(task_id="select", query={"eo:cloud_cover": {"lte": 10}}).expand(
        bbox=[BBOX, EMPTY_BBOX]
    )
    assert mapped.operator_class is ArdSelectOperator


def test_running_select_defers_to_a_trigger_of_plain_json(slow, select, context):
    with pytest.raises(TaskDeferred) as deferred:
        select(poke_interval=5).execute(context)
    assert deferred.value.method_name == "execute_complete"
    # Airflow's own timeout applies even without a triggerer.
    assert timedelta(hours=1) < deferred.value.timeout < timedelta(hours=2)
    path, arguments = deferred.value.trigger.serialize()
    assert path == "airflow_provider_ard.triggers.select.ArdSelectTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert slow.password not in json.dumps(arguments)
    restored = ArdSelectTrigger(**arguments)
    assert restored.serialize() == (path, arguments)
    assert arguments["poke_interval"] == 5


def test_results_are_pushed_after_the_trigger(slow, select, context):
    with pytest.raises(TaskDeferred) as deferred:
        select().execute(context)
    slow.clock.advance("2d")
    select_id = deferred.value.trigger.select_id
    assert select().execute_complete(context, {"status": "succeeded", "select_id": select_id}) == select_id
    assert context["ti"].xcoms["counts"]["tiles"] > 0


@pytest.mark.parametrize("event", [None, {}, {"status": "done"}, {"status": "succeeded"}, "succeeded"])
def test_unknown_event_is_an_error(select, context, event):
    with pytest.raises(ArdError, match="unknown form"):
        select().execute_complete(context, event)


def test_worker_polls_until_the_select_has_finished(slow, select, context, sleeps, monkeypatch):
    monkeypatch.setattr(
        "airflow_provider_ard.operators.select.time.sleep",
        lambda pause: (sleeps.append(pause), slow.clock.advance("10h")),
    )
    assert select(deferrable=False, poke_interval=7).execute(context)
    assert sleeps == [7, 7, 7]


def test_wait_survives_outage_and_logs_it_once(ard, select, context, sleeps, log_text):
    ard.faults.add("GET /select/request/*", kind="status", status=503, times=3)
    ard.faults.add("GET /select/request/*", kind="status", status=429, retry_after=30, nth=4)
    assert select(deferrable=False).execute(context)
    assert sleeps == [10, 10, 10, 30]
    assert log_text().count("Polling failed, will retry") == 1


def test_retry_after_timeout_waits_for_the_same_select(slow, select, context, store, sleeps):
    for _ in range(2):
        with pytest.raises(ArdError, match="did not finish in time") as caught:
            select(deferrable=False, timeout=1e-9).execute(context)
        assert not isinstance(caught.value, AirflowFailException)
        context["ti"].try_number += 1
    assert len(submitted(slow)) == 1


def test_retry_after_failed_select_submits_another(ard, select, context, store):
    ard.faults.add(kind="fail_select", message="too many tiles", times=1)
    with pytest.raises(ArdSelectFailed, match="too many tiles") as caught:
        select().execute(context)
    assert isinstance(caught.value, AirflowException)
    assert not isinstance(caught.value, AirflowFailException)
    assert select().execute(context)
    assert len(submitted(ard)) == 2


def test_undocumented_status_is_an_error(ard, select, context):
    ard.faults.add(kind="fail_select", final_status="PAUSED")
    with pytest.raises(ArdError, match="'PAUSED'"):
        select().execute(context)
    assert context["ti"].xcoms == {}


def test_retry_reattaches_to_the_select(slow, select, context, store, log_text):
    ids = set()
    for context["ti"].try_number in (1, 2, 3):
        with pytest.raises(TaskDeferred) as deferred:
            select().execute(context)
        ids.add(deferred.value.trigger.select_id)
    assert len(ids) == len(submitted(slow)) == 1
    assert "Re-attached" in log_text()


def test_changed_request_is_submitted_again(ard, select, context, store):
    assert select().execute(context) != select(stack_depth=1).execute(context)


def test_deleted_select_is_submitted_again(ard, select, context, store):
    store["ard_select"] = {"fingerprint": "", "select_id": "404", "first_try_number": 1}
    first = select().execute(context)
    store["ard_select"]["select_id"] = "404"
    assert select().execute(context) != first


def test_cleared_task_reattaches_unless_resubmit(ard, select, context, store):
    first = select().execute(context)
    context["ti"].try_number, context["ti"].max_tries = 2, 1
    assert select().execute(context) == first
    second = select(if_exists="resubmit").execute(context)
    assert second != first
    # A retry after the clear belongs to the same attempt series.
    context["ti"].try_number = 3
    assert select(if_exists="resubmit").execute(context) == second


def test_retry_before_airflow_3_3_submits_another(ard, select, context, log_text):
    select().execute(context)
    assert "Airflow before 3.3" not in log_text()
    context["ti"].try_number = 2
    select().execute(context)
    assert "Airflow before 3.3 stores no Select ID" in log_text()
    assert len(submitted(ard)) == 2


def test_failing_store_does_not_fail_the_task(ard, select, context, store, monkeypatch, log_text):
    def broken(key, value, retention=None):
        raise RuntimeError("the API server is unreachable")

    monkeypatch.setattr(store, "set", broken)
    assert select().execute(context)
    assert "Storing Select" in log_text()


def test_outage_of_the_submit_can_be_retried(ard, select, context):
    ard.stop()
    with pytest.raises(ArdUnavailableError, match="ard_default") as caught:
        select().execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def test_repaired_geometry_is_logged(select, context, log_text):
    crossed = "POLYGON ((-105.2 40.1, -105.0 40.3, -105.0 40.1, -105.2 40.3, -105.2 40.1))"
    ArdSelectOperator(task_id="select", intersects=crossed).execute(context)
    assert "intersects: it was not valid" in log_text()


def test_on_kill_logs_that_the_select_continues(select, log_text):
    select().on_kill()
    assert "cannot be canceled" in log_text()
