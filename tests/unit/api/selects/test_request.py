from __future__ import annotations

import json

import pytest
import shapely

from airflow_provider_ard.api.errors import ArdNotFoundError, ArdRequestError, ArdUnavailableError
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.api.orders.status import State
from airflow_provider_ard.api.selects.request import SelectRequest
from airflow_provider_ard.api.selects.results import SelectStatus, acquisition_matches

BBOX = [-105.13, 40.14, -105.06, 40.19]
EMPTY_BBOX = [10.0, 50.0, 10.1, 50.1]
CLEAR = {"eo:cloud_cover": {"lte": 10}}


def sets(selected):
    return {name: set(cells) for name, cells in selected.items()}


def test_omitted_arguments_are_not_sent():
    assert SelectRequest.of(bbox=BBOX).to_payload() == {"bbox": BBOX, "query": {}}


def test_every_argument_is_sent():
    payload = SelectRequest.of(
        ids=["10300100B2B49700"],
        datetime="2026-01-01/..",
        intersects=shapely.box(*BBOX),
        query=CLEAR,
        stack_depth="3",
        image_age_category="fresh",
    ).to_payload()
    assert payload == {
        "ids": ["10300100B2B49700"],
        "datetime": "2026-01-01/..",
        "intersects": shapely.box(*BBOX).wkt,
        "query": CLEAR,
        "stack_depth": 3,
        "image_age_category": ["fresh"],
    }


def test_rendered_strings_are_parsed():
    request = SelectRequest.of(
        ids="['10300100B2B49700']", bbox=str(BBOX), query=json.dumps(CLEAR), image_age_category="('fresh', 'standard')"
    )
    assert request == SelectRequest.of(
        ids="10300100B2B49700", bbox=BBOX, query=CLEAR, image_age_category=["fresh", "standard"]
    )
    assert SelectRequest.of(bbox=BBOX, stack_depth="None") == SelectRequest.of(bbox=BBOX)


@pytest.mark.parametrize("argument", ["ids", "datetime", "query", "image_age_category", "intersects"])
@pytest.mark.parametrize("value", [None, "", " None ", (), [], {}], ids=str)
def test_empty_value_is_rejected(argument, value):
    with pytest.raises(ArdRequestError) as caught:
        SelectRequest.of(**({"bbox": BBOX} | {argument: value}))
    assert caught.value.argument == argument


def test_fixes_are_reported_as_warnings():
    request = SelectRequest.of(intersects="POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))")
    assert any("repaired" in warning for warning in request.warnings)


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("intersects", {}),
        ("intersects", {"intersects": shapely.box(*BBOX), "bbox": BBOX}),
        ("intersects", {"intersects": "POINT (0 0)"}),
        ("intersects", {"intersects": "None", "datetime": "2026-01-01"}),
        ("bbox", {"bbox": [1, 2, 3]}),
        ("ids", {"ids": []}),
        ("ids", {"ids": "all"}),
        ("ids", {"ids": [7]}),
        ("ids", {"ids": {"id": "10300100B2B49700"}}),
        ("datetime", {"bbox": BBOX, "datetime": "yesterday"}),
        ("query", {"bbox": BBOX, "query": "clear"}),
        ("query", {"bbox": BBOX, "query": {"platform": "worldview-02"}}),
        ("query", {"bbox": BBOX, "query": {"platform": {}}}),
        ("query", {"bbox": BBOX, "query": {"platform": {"equals": "worldview-02"}}}),
        ("query", {"bbox": BBOX, "query": {"eo:cloud_cover": {"lte": None}}}),
        ("query", {"bbox": BBOX, "query": {"eo:cloud_cover": {"lte": True}}}),
        ("query", {"bbox": BBOX, "query": {"eo:cloud_cover": {"lte": float("nan")}}}),
        ("query", {"bbox": BBOX, "query": {"platform": {"in": "worldview-02"}}}),
        ("query", {"bbox": BBOX, "query": {"platform": {"in": []}}}),
        ("query", {"bbox": BBOX, "query": {"platform": {"startsWith": 7}}}),
        ("query", {"bbox": BBOX, "query": {7: {"eq": 1}}}),
        ("stack_depth", {"bbox": BBOX, "stack_depth": 0}),
        ("stack_depth", {"bbox": BBOX, "stack_depth": True}),
        ("stack_depth", {"bbox": BBOX, "stack_depth": 1.5}),
        ("stack_depth", {"bbox": BBOX, "stack_depth": "many"}),
        ("image_age_category", {"bbox": BBOX, "image_age_category": "old"}),
        ("image_age_category", {"bbox": BBOX, "image_age_category": [["fresh"]]}),
        ("image_age_category", {"bbox": BBOX, "image_age_category": 7}),
        ("simplify_aoi", {"bbox": BBOX, "simplify_aoi": "perhaps"}),
        ("drop_small_polygons", {"bbox": BBOX, "drop_small_polygons": "perhaps"}),
    ],
    ids=str,
)
def test_invalid_argument_is_rejected(argument, arguments):
    with pytest.raises(ArdRequestError) as caught:
        SelectRequest.of(**arguments)
    assert caught.value.argument == argument


def test_fingerprints_of_different_requests_differ():
    equal = [SelectRequest.of(bbox=BBOX, query=query).fingerprint() for query in (CLEAR, json.dumps(CLEAR))]
    assert equal[0] == equal[1]
    assert equal[0] != SelectRequest.of(bbox=BBOX).fingerprint()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("RUNNING", State.RUNNING),
        ("SUCCEEDED", State.SUCCEEDED),
        ("FINISHED", State.SUCCEEDED),
        ("FAILED", State.FAILED),
        ("ERROR", State.FAILED),
        ("PAUSED", State.UNKNOWN),
        ("", State.UNKNOWN),
    ],
)
def test_status_maps_to_state(status, state):
    assert SelectStatus(id="1", status=status).state is state


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"Error": "SelectError", "Cause": "too many"}, "SelectError: too many"),
        ({"Cause": "too many"}, "too many"),
        ("too many", "too many"),
        (None, "FAILED"),
        ({}, "FAILED"),
    ],
)
def test_reason_is_the_error_message_of_the_api(message, reason):
    assert SelectStatus(id="1", status="FAILED", error_message=message).reason == reason


def test_select_results_can_be_ordered(ard, client):
    submitted = client.submit_select(SelectRequest.of(bbox=BBOX, query=CLEAR, stack_depth=2))
    assert submitted.state is State.RUNNING
    select = client.get_select(submitted.id)
    assert select.state is State.SUCCEEDED
    selected = client.get_select_results(select)
    assert len(selected) == select.unique_acquisitions > 1
    by_cells = OrderRequest.of(acquisitions=selected, destination="bkt/p")
    assert client.dry_run(by_cells).total_cost == select.usage.total_cost
    by_id = OrderRequest.of(select_id=select.id, destination="bkt/p")
    assert client.dry_run(by_id).total_cost == select.usage.total_cost


def test_results_are_downloaded_without_authorization(client):
    sent = []
    client._session.hooks["response"].append(lambda response, **_: sent.append(response.request))
    select = client.get_select(client.submit_select(SelectRequest.of(bbox=BBOX)).id)
    selected = client.get_select_results(select)
    del select.links["order"]
    assert sets(client.get_select_results(select)) == sets(selected)
    downloads = [request for request in sent if "signature=" in request.url]
    assert [request.path_url.partition("?")[0].rpartition(".")[2] for request in downloads] == ["order", "geojson"]
    assert ["Authorization" in request.headers for request in downloads] == [False, False]


def test_select_without_results_is_empty(ard, client):
    select = client.get_select(client.submit_select(SelectRequest.of(bbox=EMPTY_BBOX)).id)
    assert client.get_select_results(select) == {}
    # A response without a count.
    assert client.get_select_results(select.model_copy(update={"unique_acquisitions": None})) == {}
    select.links.clear()
    with pytest.raises(ArdUnavailableError, match="links to no result file"):
        client.get_select_results(select.model_copy(update={"unique_acquisitions": None}))


def test_broken_download_is_an_outage_and_hides_the_link(ard, client):
    select = client.get_select(client.submit_select(SelectRequest.of(bbox=BBOX)).id)
    ard.faults.add("GET /select/files/*", kind="status", status=503, times=1)
    assert client.get_select_results(select)
    ard.faults.add("GET /signed/select/*", kind="gateway_html", status=502)
    with pytest.raises(ArdUnavailableError) as caught:
        client.get_select_results(select)
    assert "signature" not in str(caught.value)


def test_select_is_resubmitted_after_a_lost_response(ard, client):
    ard.faults.add("POST /select", kind="reset_after_accept", nth=1)
    assert client.get_select(client.submit_select(SelectRequest.of(bbox=BBOX)).id).state is State.SUCCEEDED


def test_unknown_select_is_not_found(client):
    with pytest.raises(ArdNotFoundError):
        client.get_select("404")


def test_find_acquisitions_returns_oldest_first_with_cells(ard, client):
    selected = client.find_acquisitions(SelectRequest.of(bbox=BBOX, datetime="2025-01-01/.."))
    assert [acquisition.acquired_at for acquisition in selected] == sorted(
        acquisition.acquired_at for acquisition in selected
    )
    assert len(selected) > 2
    select = client.get_select(client.submit_select(SelectRequest.of(bbox=BBOX, datetime="2025-01-01/..")).id)
    assert {acquisition.id: set(acquisition.cells) for acquisition in selected} == sets(
        client.get_select_results(select)
    )
    assert client.find_acquisitions(SelectRequest.of(bbox=EMPTY_BBOX)) == []


@pytest.mark.parametrize("response", [{}, {"features": [{}]}, {"features": [{"properties": {"acquisition_id": "1"}}]}])
def test_invalid_search_response_is_an_error(response):
    with pytest.raises(ValueError, match="metadata search"):
        acquisition_matches(response)
