from __future__ import annotations

import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_ard.exceptions import (
    ArdBudgetExceeded,
    ArdOrderConflict,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.operators.order import ORDER_ARGUMENTS, ArdOrderOperator


@pytest.fixture
def order(ard, ard_connection, retry_pauses):
    def make(**arguments):
        return ArdOrderOperator(
            **{"task_id": "order", "acquisitions": ard.acquisitions[:1], "destination": "s3://bkt/p", **arguments}
        )

    return make


def test_places_one_order_and_returns_its_id(ard, order, context, log_text):
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]
    assert len(ard.submissions) == 1
    assert context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"] > 0
    assert order_id in log_text()
    assert "s3://bkt/p" in log_text()
    assert "km²" in log_text()


def test_defaults_send_one_post_and_no_dry_run(ard, order, context):
    order().execute(context)
    assert [r.dry_run for r in ard.requests if r.method == "POST" and r.path.startswith("/api/v1/order")] == [False]


def test_retry_reattaches_to_the_order(ard, order, context, log_text):
    first = order().execute(context)
    context["ti"].try_number = 2
    assert order().execute(context) == first
    assert len(ard.submissions) == 1
    assert f"Re-attached to order {first}" in log_text()


def test_mapped_task_instances_place_their_own_orders(ard, order, context):
    ids = set()
    for context["ti"].map_index in range(3):
        ids.add(order().execute(context))
    assert len(ids) == len(ard.orders) == 3


def test_changed_request_in_the_same_run_is_a_conflict(ard, order, context):
    order().execute(context)
    with pytest.raises(ArdOrderConflict) as caught:
        order(acquisitions=ard.acquisitions[1:2]).execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("fault", ["reset_after_accept", "error_after_accept"])
def test_lost_response_buys_nothing_twice(ard, order, context, fault):
    ard.faults.add("POST /order", kind=fault, nth=1)
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]
    assert len(ard.submissions) == 1


def test_lost_response_with_lagging_list_is_resolved_by_the_retry(ard, order, context, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.ordering.existing_orders.SEARCH_WINDOW_S", 0.1)
    ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
    blind = ard.faults.add("GET /order", kind="status", status=503, nth=2, times=10_000)
    with pytest.raises(ArdOrderInDoubtError):
        order().execute(context)
    ard.faults.remove(blind)
    assert order().execute(context) == ard.orders[0].id
    assert len(ard.submissions) == 1


def test_order_id_is_returned_if_reading_its_usage_fails(ard, order, context):
    ard.faults.add("GET /order", nth=2, times=9, kind="status", status=500)
    ard.faults.add("GET /order/status/*", kind="status", status=500)
    assert order().execute(context) == ard.orders[0].id
    assert "usage" not in context["ti"].xcoms


def test_dry_run_buys_nothing(ard, order, context):
    assert order(dry_run="True").execute(context) is None
    assert ard.orders == []
    assert context["ti"].xcoms["usage"]["area"]["total_imagery_sqkm"] > 0


def test_invalid_argument_sends_no_request(ard, order, context):
    with pytest.raises(ArdRequestError, match="bbox") as caught:
        order(bbox=[1, 2, 3]).execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert ard.requests == []


def test_wrong_password_names_the_connection_and_is_final(ard, order, context, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_ARD_DEFAULT",
        json.dumps({"conn_type": "ard", "host": ard.url, "login": ard.login, "password": "wr0ng"}),
    )
    with pytest.raises(AirflowFailException, match="ard_default"):
        order().execute(context)


def test_outage_is_retryable(ard, order, context):
    ard.stop()
    with pytest.raises(ArdUnavailableError, match="ard_default") as caught:
        order().execute(context)
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    ("limit", "part", "key", "less"),
    [
        ("max_cost", "cost", "total_imagery_cost", 0.01),
        ("max_area_sqkm", "area", "total_imagery_sqkm", 0.001),
    ],
)
@pytest.mark.parametrize("written", [float, str])
def test_limit_below_estimate_buys_nothing_and_equal_limit_buys_once(
    ard, order, context, limit, part, key, less, written
):
    order(task_id="price", dry_run=True).execute(context)
    estimate = context["ti"].xcoms.pop("usage")[part][key]
    with pytest.raises(ArdBudgetExceeded, match=limit) as caught:
        order(**{limit: written(round(estimate - less, 3))}).execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert caught.value.estimate == estimate
    assert caught.value.limit == pytest.approx(estimate - less)
    assert caught.value.balance == -1
    assert context["ti"].xcoms["usage"][part][key] == estimate
    assert ard.submissions == []
    placed = order(**{limit: written(estimate)}).execute(context)
    assert [order_.id for order_ in ard.orders] == [placed]
    assert len(ard.submissions) == 1
    asked = [r.dry_run for r in ard.requests if r.endpoint == "POST /order"]
    assert asked == [True, True, True, False]


@pytest.mark.parametrize("limit", ["max_cost", "max_area_sqkm"])
@pytest.mark.parametrize("rendered", [None, "None", ""])
def test_limit_that_renders_to_nothing_buys_nothing(ard, order, context, limit, rendered):
    task = order(**{limit: "{{ ti.xcom_pull(task_ids='budget') }}"})
    setattr(task, limit, rendered)
    with pytest.raises(ArdRequestError, match=f"{limit}: "):
        task.execute(context)
    assert ard.requests == []


def test_budget_error_contains_the_balance(ard_connection, context):
    from airflow_provider_ard.sandbox import Sandbox

    with Sandbox(order_duration="3d", limits={"annual": 5000}) as ard, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
        task = ArdOrderOperator(task_id="o", acquisitions=ard.acquisitions[0], destination="b/p", max_cost=0.01)
        with pytest.raises(ArdBudgetExceeded, match=r"balance is 5,000\.00") as caught:
            task.execute(context)
        assert caught.value.balance == 5000
        assert ard.submissions == []


def ignoring_cells(monkeypatch):
    """Let the server not know the filter by the name that it is sent by, as the real one may."""
    from airflow_provider_ard.api.orders.request import OrderRequest

    send = OrderRequest.to_payload

    def without(self, cells_key="cells"):
        payload = send(self, cells_key)
        for acquisition in payload["acquisitions"]:
            acquisition.pop(cells_key)
        return payload

    monkeypatch.setattr(OrderRequest, "to_payload", without)


@pytest.fixture
def two_cells(ard):
    """Two cells of an acquisition that has more."""
    acquisition = ard.acquisitions[0]
    cells = sorted(ard.catalog.tiles(acquisition))
    assert len(cells) > 2
    return {acquisition: cells[:2]}


@pytest.mark.parametrize("arguments", [{"max_cost": 1e9}, {"max_area_sqkm": 1e9}, {"dry_run": True}], ids=str)
def test_ignored_cells_buy_nothing_if_a_limit_is_set(ard, order, context, two_cells, monkeypatch, arguments):
    ignoring_cells(monkeypatch)
    with pytest.raises(ArdBudgetExceeded, match=r"2 cells.*ignored.*cells_key"):
        order(acquisitions=two_cells, **arguments).execute(context)
    assert ard.submissions == []
    assert context["ti"].xcoms["usage"]["area"]["total_imagery_sqkm"] > 57


def test_ignored_cells_without_a_limit_log_a_warning(ard, order, context, two_cells, monkeypatch, log_text):
    ignoring_cells(monkeypatch)
    assert order(acquisitions=two_cells).execute(context) == ard.orders[0].id
    assert "ignored the cells" in log_text()


def test_honored_cells_and_whole_acquisitions_log_no_warning(ard, order, context, two_cells, log_text):
    assert order(acquisitions=two_cells, max_cost=1e9).execute(context)
    context["ti"].task_id = "whole"
    whole = [*({"id": name, "cells": cells} for name, cells in two_cells.items()), ard.acquisitions[1]]
    assert order(acquisitions=whole, max_cost=1e9).execute(context)
    assert "ignored" not in log_text()


@pytest.mark.parametrize("limit", [{"max_cost": "much"}, {"max_area_sqkm": -1}, {"max_cost": True}])
def test_invalid_limit_is_refused(ard, order, context, limit):
    with pytest.raises(ArdRequestError, match=next(iter(limit))):
        order(**limit).execute(context)
    assert ard.requests == []


@pytest.mark.parametrize(
    "wrong", [{"if_exists": "replace"}, {"max_cost": "much"}, {"metadata": {"airflow_key": "mine"}}], ids=str
)
def test_dry_run_validates_like_an_order(ard, order, context, wrong):
    with pytest.raises(ArdRequestError, match=next(iter(wrong))):
        order(dry_run=True, **wrong).execute(context)
    assert ard.requests == []


def test_every_argument_is_a_template_field():
    others = {"ard_conn_id", "if_exists", "existing_order_id", "max_cost", "max_area_sqkm"}
    assert {*ORDER_ARGUMENTS, *others} == set(ArdOrderOperator.template_fields)


@pytest.mark.parametrize("as_text", [False, True])
def test_credentials_are_masked_before_rendered_fields_are_stored(order, context, as_text):
    from airflow.providers.common.compat.sdk import redact

    sas = f"https://acct.blob.core.windows.net/c?sv=1&sig=PlantedSecret{as_text}"
    config = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas}}
    task = order(destination=None, output_config=json.dumps(config) if as_text else config)
    task.render_template_fields(context)
    assert "PlantedSecret" not in str(redact(task.output_config, "output_config"))
    assert "PlantedSecret" not in str(redact(f"error: {sas}"))


def test_order_id_is_returned_if_publishing_fails(ard, order, context, monkeypatch, log_text):
    def broken(key, value):
        raise RuntimeError("the API server is away")

    monkeypatch.setattr(context["ti"], "xcom_push", broken)
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]
    assert f"Order {order_id} submitted" in log_text()


@pytest.mark.parametrize(("version", "page"), [("2.11.2", False), ("3.0.6", False), ("3.1.0", True), ("3.3.2", True)])
def test_order_id_and_links_are_pushed_to_xcom(ard, order, context, monkeypatch, version, page):
    import airflow

    monkeypatch.setattr(airflow, "__version__", version)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team/")
    order_id = order(destination="s3://bkt/p q").execute(context)
    pushed = context["ti"].xcoms
    assert pushed["order_id"] == order_id
    assert pushed["order_url"] == (
        f"https://airflow.example/team/plugin/ard-orders?connection=ard_default&order={order_id}"
        if page
        else f"{ard.url}/api/v1/order/status/{order_id}"
    )
    assert pushed["destination_url"] == "https://s3.console.aws.amazon.com/s3/buckets/bkt?prefix=p+q%2F"
    assert pushed["collection_url"] == (
        "https://s3.console.aws.amazon.com/s3/object/bkt"
        f"?prefix=p+q%2Forder_collections%2F{order_id}_root_collection.json"
    )


def test_log_contains_order_price_and_destination(order, context, log_text, client):
    order_id = order().execute(context)
    usage = client.get_order(order_id).usage
    (line,) = [line for line in log_text().splitlines() if line.startswith(f"Order {order_id}: ")]
    assert f"{usage.area_sqkm:,.1f} km²" in line
    assert f"cost {usage.total_cost:,.2f}" in line
    assert "delivery to s3://" in line


def test_link_is_empty_until_its_xcom_exists(monkeypatch, order):
    from airflow_provider_ard.links import order as links

    monkeypatch.setattr(links.XCom, "get_value", lambda ti_key, key: {"order_url": "https://ard/1"}.get(key))
    urls = {link.name: link.get_link(order(), ti_key=None) for link in order().operator_extra_links}
    assert urls == {"ARD order": "https://ard/1", "ARD delivery": "", "ARD root collection": ""}


def test_kill_logs_that_the_order_continues(order, context, log_text):
    task = order()
    task.on_kill()
    assert "An order may have been submitted" in log_text()
    order_id = task.execute(context)
    task.on_kill()
    assert f"Order {order_id} cannot be canceled" in log_text()


def test_intent_is_saved_before_the_purchase_and_the_id_after(ard, order, context, store, monkeypatch):
    entries = []
    keep = store.set

    def note(key, value, **options):
        entries.append((len(ard.submissions), value["order_id"]))
        keep(key, value, **options)

    monkeypatch.setattr(store, "set", note)
    order_id = order().execute(context)
    assert entries == [(0, None), (1, order_id)]


def test_missing_task_state_store_is_logged_once(order, context, log_text):
    context["task"].retries = 2
    order().execute(context)
    assert log_text().count("Airflow before 3.3 keeps no task state") == 1


def test_task_state_store_logs_nothing(order, context, store, log_text):
    context["task"].retries = 2
    order().execute(context)
    assert "Airflow before 3.3" not in log_text()


def test_nothing_is_bought_if_saving_the_intent_fails(ard, order, context, store, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("the API server is away")

    monkeypatch.setattr(store, "set", broken)
    with pytest.raises(RuntimeError):
        order().execute(context)
    assert ard.submissions == []


def test_order_id_is_returned_if_saving_it_fails(ard, order, context, store, monkeypatch):
    keep = store.set

    def broken(key, value, **options):
        if value["order_id"]:
            raise RuntimeError("the API server is away")
        keep(key, value, **options)

    monkeypatch.setattr(store, "set", broken)
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]


def test_refused_order_clears_the_intent(ard, order, context, store):
    with pytest.raises(ArdRequestError):
        order(acquisitions="10300100FFFFFF00").execute(context)
    assert store["ard_order"]["submitted"] is False


def test_recorded_order_is_reused_if_the_list_omits_it(ard, order, context, store, monkeypatch):
    order_id = order().execute(context)
    monkeypatch.setattr("airflow_provider_ard.api.client.ArdClient.search_orders", lambda self, **_: iter([[]]))
    assert order().execute(context) == order_id
    assert len(ard.submissions) == 1


def test_lost_record_finds_the_order_in_the_list(ard, order, context, store):
    order_id = order().execute(context)
    store.clear()
    assert order().execute(context) == order_id
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("mapped", [False, True])
def test_literal_credential_is_masked_in_the_dag_and_sent_in_the_order(ard, order, context, mapped):
    from airflow.providers.common.compat.sdk import DAG
    from airflow.serialization import serialized_objects

    sas = "https://acct.blob.core.windows.net/c?sv=1&se=2099-01-01&sp=rcw&sr=c&sig=LiteralSecret"
    config = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas}}
    with DAG("d", schedule=None) as dag:
        if mapped:
            ArdOrderOperator.partial(task_id="order", output_config=config).expand(acquisitions=[ard.acquisitions[0]])
        else:
            task = order(destination=None, output_config=config)
    # Of that name since Airflow 3.2.
    serializer = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    assert "LiteralSecret" not in json.dumps(serializer.to_dict(dag))
    if not mapped:
        task.render_template_fields(context)
        task.execute(context)
        assert ard.submissions[0].body["output_config"] == config
