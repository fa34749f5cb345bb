from __future__ import annotations

import json
from datetime import timedelta

import pendulum
import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_ard.exceptions import ArdError, ArdRequestError, ArdSelectFailed, ArdUnavailableError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import SELECT_ARGUMENTS, ArdSelectOperator
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers.select import ArdSelectTrigger

BBOX = [-105.13, 40.14, -105.06, 40.19]
AWAY = [10.0, 50.0, 10.1, 50.1]


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
def quick_sleep(monkeypatch):
    """Let the operator wait for no time; return the pauses that it would have made, in seconds."""
    pauses = []
    monkeypatch.setattr("airflow_provider_ard.operators.select.time.sleep", pauses.append)
    return pauses


def submitted(ard):
    return [record for record in ard.requests if record.endpoint == "POST /select"]


def test_it_hands_on_the_id_and_what_was_found(ard, select, context, log_text):
    select_id = select(stack_depth=2).execute(context)
    xcoms = context["ti"].xcoms
    assert xcoms["counts"]["acquisitions"] == len(xcoms["acquisitions"]) > 1
    assert xcoms["counts"]["tiles"] == sum(len(one["cells"]) for one in xcoms["acquisitions"])
    assert xcoms["usage"]["area"]["total_imagery_sqkm"] > 0
    assert json.loads(json.dumps(xcoms)) == xcoms
    assert f"Select {select_id} found {xcoms['counts']['tiles']} tiles" in log_text()
    assert len(submitted(ard)) == 1
    assert sum(record.endpoint.startswith("POST /auth/authenticate") for record in ard.requests) == 1


def test_an_order_takes_the_id_and_the_acquisitions(ard, select, context):
    select_id = select(stack_depth=1).execute(context)
    found = context["ti"].xcoms["acquisitions"]
    place = {"destination": "bkt/p"}
    ArdOrderOperator(task_id="by_id", select_id=select_id, **place).execute(context)
    context["ti"].task_id = "as_found"
    ArdOrderOperator(task_id="as_found", acquisitions=found, **place).execute(context)
    context["ti"].task_id, context["ti"].map_index = "mapped", 0
    ArdOrderOperator(task_id="mapped", acquisitions=found[0], **place).execute(context)
    tiles = [{(tile.acquisition_id, tile.cell_id) for tile in order.tiles} for order in ard.orders]
    assert tiles[0] == tiles[1] == {(one["id"], cell) for one in found for cell in one["cells"]}
    assert tiles[2] == {(found[0]["id"], cell) for cell in found[0]["cells"]}


def test_too_many_tiles_stay_out_of_xcom(select, context, log_text, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.operators.select.MAX_TILES_IN_XCOM", 3)
    assert select().execute(context)
    assert "acquisitions" not in context["ti"].xcoms
    assert context["ti"].xcoms["counts"]["tiles"] > 3
    assert "order by select_id" in log_text()


def test_nothing_found_skips_the_rest_if_it_is_told_to(ard, select, context):
    with pytest.raises(AirflowSkipException, match="found nothing"):
        select(bbox=AWAY, skip_if_empty="True").execute(context)
    assert context["ti"].xcoms["counts"]["tiles"] == 0
    assert select(bbox=AWAY).execute(context)


def test_the_data_interval_of_a_run_is_searched(ard, select, context):
    start, end = pendulum.datetime(2026, 10, 22), pendulum.datetime(2026, 10, 23)
    context |= {"data_interval_start": start, "data_interval_end": end}
    task = select(datetime="{{ data_interval_start }}/{{ data_interval_end }}")
    task.render_template_fields(context)
    task.execute(context)
    assert submitted(ard)[0].body["datetime"] == "2026-10-22T00:00:00Z/2026-10-22T23:59:59Z"
    assert context["ti"].xcoms["counts"]["acquisitions"] == 1


def test_what_was_taken_where_two_intervals_meet_is_selected_once(ard, select, context):
    """Each acquisition of the catalogue is selected by one of the intervals that meet at it."""
    taken = min(tile.acquired_at for tile in ard.catalog if tile.acquired_at.year == 2026 and tile.zone == 13)
    meeting = pendulum.instance(taken)
    found = []
    for start, end in ((meeting.subtract(days=1), meeting), (meeting, meeting.add(days=1))):
        select(datetime=[start, end]).execute(context)
        found.append({one["id"] for one in context["ti"].xcoms["acquisitions"]})
    assert found[0] == set()
    assert len(found[1]) == 1


def test_invalid_argument_sends_no_request(ard, select, context):
    for wrong in ({"bbox": [1, 2, 3]}, {"if_exists": "fail"}, {"skip_if_empty": "perhaps"}, {"timeout": 0}, {"poke_interval": "soon"}):  # fmt: skip
        with pytest.raises(ArdRequestError, match=next(iter(wrong))) as caught:
            select(**wrong).execute(context)
        assert isinstance(caught.value, AirflowFailException)
    assert ard.requests == []


def test_every_argument_is_a_template_field():
    assert set(ArdSelectOperator.template_fields) == {*SELECT_ARGUMENTS, "skip_if_empty", "if_exists", "ard_conn_id"}


def test_it_is_mapped_over_areas(ard, select, context):
    mapped = ArdSelectOperator.partial(task_id="select", query={"eo:cloud_cover": {"lte": 10}}).expand(
        bbox=[BBOX, AWAY]
    )
    assert mapped.operator_class is ArdSelectOperator


def test_it_defers_to_a_trigger_of_plain_json_while_the_select_runs(slow, select, context):
    with pytest.raises(TaskDeferred) as deferred:
        select(poke_interval=5).execute(context)
    assert deferred.value.method_name == "execute_complete"
    # Without a triggerer nobody else would end it.
    assert timedelta(hours=1) < deferred.value.timeout < timedelta(hours=2)
    path, arguments = deferred.value.trigger.serialize()
    assert path == "airflow_provider_ard.triggers.select.ArdSelectTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert slow.password not in json.dumps(arguments)
    again = ArdSelectTrigger(**arguments)
    assert again.serialize() == (path, arguments)
    assert arguments["poke_interval"] == 5


def test_it_goes_on_where_the_trigger_has_ended(slow, select, context):
    with pytest.raises(TaskDeferred) as deferred:
        select().execute(context)
    slow.clock.advance("2d")
    select_id = deferred.value.trigger.select_id
    assert select().execute_complete(context, {"status": "succeeded", "select_id": select_id}) == select_id
    assert context["ti"].xcoms["counts"]["tiles"] > 0


@pytest.mark.parametrize("event", [None, {}, {"status": "done"}, {"status": "succeeded"}, "succeeded"])
def test_an_event_that_says_nothing_known_is_an_error(select, context, event):
    with pytest.raises(ArdError, match="unknown form"):
        select().execute_complete(context, event)


def test_on_a_worker_it_looks_until_the_select_has_ended(slow, select, context, quick_sleep, monkeypatch):
    monkeypatch.setattr(
        "airflow_provider_ard.operators.select.time.sleep",
        lambda pause: (quick_sleep.append(pause), slow.clock.advance("10h")),
    )
    assert select(deferrable=False, poke_interval=7).execute(context)
    assert quick_sleep == [7, 7, 7]


def test_an_outage_does_not_end_the_wait_and_is_told_once(ard, select, context, quick_sleep, log_text):
    ard.faults.add("GET /select/request/*", kind="status", status=503, times=3)
    ard.faults.add("GET /select/request/*", kind="status", status=429, retry_after=30, nth=4)
    assert select(deferrable=False).execute(context)
    assert quick_sleep == [10, 10, 10, 30]
    assert log_text().count("Polling failed, will retry") == 1


def test_a_wait_that_is_over_is_told_and_a_retry_waits_for_the_same(slow, select, context, store, quick_sleep):
    for _ in range(2):
        with pytest.raises(ArdError, match="did not finish in time") as caught:
            select(deferrable=False, timeout=1e-9).execute(context)
        assert not isinstance(caught.value, AirflowFailException)
        context["ti"].try_number += 1
    assert len(submitted(slow)) == 1


def test_a_failed_select_has_the_words_of_the_api_and_a_retry_submits_another(ard, select, context, store):
    ard.faults.add(kind="fail_select", message="too many tiles", times=1)
    with pytest.raises(ArdSelectFailed, match="too many tiles") as caught:
        select().execute(context)
    assert isinstance(caught.value, AirflowException)
    assert not isinstance(caught.value, AirflowFailException)
    assert select().execute(context)
    assert len(submitted(ard)) == 2


def test_an_unknown_status_is_no_success(ard, select, context):
    ard.faults.add(kind="fail_select", final_status="PAUSED")
    with pytest.raises(ArdError, match="'PAUSED'"):
        select().execute(context)
    assert context["ti"].xcoms == {}


def test_a_retry_takes_the_select_over(slow, select, context, store, log_text):
    ids = set()
    for context["ti"].try_number in (1, 2, 3):
        with pytest.raises(TaskDeferred) as deferred:
            select().execute(context)
        ids.add(deferred.value.trigger.select_id)
    assert len(ids) == len(submitted(slow)) == 1
    assert "Re-attached" in log_text()


def test_a_changed_request_is_submitted_anew(ard, select, context, store):
    assert select().execute(context) != select(stack_depth=1).execute(context)


def test_a_select_that_the_api_has_forgotten_is_submitted_anew(ard, select, context, store):
    store["ard_select"] = {"fingerprint": "", "select_id": "404", "first_try_number": 1}
    first = select().execute(context)
    store["ard_select"]["select_id"] = "404"
    assert select().execute(context) != first


def test_a_clear_takes_it_over_unless_it_is_told_to_search_anew(ard, select, context, store):
    first = select().execute(context)
    context["ti"].try_number, context["ti"].max_tries = 2, 1
    assert select().execute(context) == first
    anew = select(if_exists="resubmit").execute(context)
    assert anew != first
    # A retry after the clear belongs to the same sitting.
    context["ti"].try_number = 3
    assert select(if_exists="resubmit").execute(context) == anew


def test_before_airflow_3_3_a_retry_submits_another_and_says_so(ard, select, context, log_text):
    select().execute(context)
    assert "Before Airflow 3.3" not in log_text()
    context["ti"].try_number = 2
    select().execute(context)
    assert "Before Airflow 3.3 a retry cannot re-attach" in log_text()
    assert len(submitted(ard)) == 2


def test_an_id_that_cannot_be_written_down_is_handed_on_all_the_same(
    ard, select, context, store, monkeypatch, log_text
):
    def broken(key, value, retention=None):
        raise RuntimeError("the API server is away")

    monkeypatch.setattr(store, "set", broken)
    assert select().execute(context)
    assert "Storing Select" in log_text()


def test_an_outage_of_the_submit_is_worth_a_retry(ard, select, context):
    ard.stop()
    with pytest.raises(ArdUnavailableError, match="ard_default") as caught:
        select().execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def test_what_was_mended_is_told(select, context, log_text):
    select(bbox=None, intersects="POLYGON ((-105.2 40.1, -105.0 40.3, -105.0 40.1, -105.2 40.3, -105.2 40.1))").execute(context)  # fmt: skip
    assert "intersects: it was not valid" in log_text()


def test_a_kill_says_what_it_leaves(select, log_text):
    select().on_kill()
    assert "cannot be canceled" in log_text()
