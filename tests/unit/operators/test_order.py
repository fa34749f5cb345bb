from __future__ import annotations

import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_ard.exceptions import (
    ArdBudgetExceeded,
    ArdOrderConflict,
    ArdRequestError,
    ArdUnavailableError,
    ArdUnknownFateError,
)
from airflow_provider_ard.operators.order import ORDER_ARGUMENTS, ArdOrderOperator


@pytest.fixture
def order(ard, ard_connection, impatient):
    def make(**arguments):
        return ArdOrderOperator(
            **{"task_id": "order", "acquisitions": ard.acquisitions[:1], "destination": "s3://bkt/p", **arguments}
        )

    return make


def test_it_places_one_order_and_hands_its_id_on(ard, order, context, told):
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]
    assert len(ard.submissions) == 1
    assert context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"] > 0
    assert order_id in told()
    assert "s3://bkt/p" in told()
    assert "km²" in told()


def test_the_defaults_mean_one_post_and_no_dry_run(ard, order, context):
    order().execute(context)
    assert [r.dry_run for r in ard.requests if r.method == "POST" and r.path.startswith("/api/v1/order")] == [False]


def test_a_retry_takes_the_order_over(ard, order, context, told):
    first = order().execute(context)
    context["ti"].try_number = 2
    assert order().execute(context) == first
    assert len(ard.submissions) == 1
    assert "taken over" in told()


def test_mapped_siblings_have_orders_of_their_own(ard, order, context):
    ids = set()
    for context["ti"].map_index in range(3):
        ids.add(order().execute(context))
    assert len(ids) == len(ard.orders) == 3


def test_a_changed_request_in_the_same_run_is_a_conflict(ard, order, context):
    order().execute(context)
    with pytest.raises(ArdOrderConflict) as caught:
        order(acquisitions=ard.acquisitions[1:2]).execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("fault", ["reset_after", "error_after"])
def test_a_lost_answer_buys_nothing_twice(ard, order, context, fault):
    ard.faults.add("POST /order", kind=fault, nth=1)
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]
    assert len(ard.submissions) == 1


def test_a_lost_answer_and_a_blind_list_leave_it_to_the_retry(ard, order, context, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.api.placement.LOOK_UP_WINDOW_S", 0.1)
    ard.faults.add("POST /order", kind="reset_after", nth=1)
    blind = ard.faults.add("GET /order", kind="status", status=503, nth=2, times=10_000)
    with pytest.raises(ArdUnknownFateError):
        order().execute(context)
    ard.faults.remove(blind)
    assert order().execute(context) == ard.orders[0].id
    assert len(ard.submissions) == 1


def test_the_order_stands_although_its_cost_cannot_be_asked_for(ard, order, context):
    ard.faults.add("GET /order/status/*", kind="status", status=500)
    assert order().execute(context) == ard.orders[0].id
    assert "usage" not in context["ti"].xcoms


def test_a_dry_run_buys_nothing(ard, order, context):
    assert order(dry_run="True").execute(context) is None
    assert ard.orders == []
    assert context["ti"].xcoms["usage"]["area"]["total_imagery_sqkm"] > 0


def test_a_wrong_argument_is_told_before_anything_is_sent(ard, order, context):
    with pytest.raises(ArdRequestError, match="bbox") as caught:
        order(bbox=[1, 2, 3]).execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert ard.requests == []


def test_a_wrong_password_names_the_connection_and_is_not_retried(ard, order, context, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_ARD_DEFAULT",
        json.dumps({"conn_type": "ard", "host": ard.url, "login": ard.login, "password": "wr0ng"}),
    )
    with pytest.raises(AirflowFailException, match="ard_default"):
        order().execute(context)


def test_an_outage_is_worth_a_retry(ard, order, context):
    ard.stop()
    with pytest.raises(ArdUnavailableError, match="ard_default") as caught:
        order().execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def test_a_budget_below_the_estimate_buys_nothing(ard, order, context):
    order(task_id="price", dry_run=True).execute(context)
    estimate = context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"]
    with pytest.raises(ArdBudgetExceeded, match=f"{estimate:g}"):
        order(max_cost=estimate - 0.01).execute(context)
    assert ard.submissions == []
    order(max_cost=estimate).execute(context)
    assert len(ard.submissions) == 1


@pytest.mark.parametrize("limit", [{"max_cost": "much"}, {"max_area_sqkm": -1}, {"max_cost": True}])
def test_a_limit_that_is_none_is_refused(ard, order, context, limit):
    with pytest.raises(ArdRequestError, match=next(iter(limit))):
        order(**limit).execute(context)
    assert ard.requests == []


def test_every_argument_is_a_template_field():
    assert {*ORDER_ARGUMENTS, "ard_conn_id", "if_exists", "max_cost", "max_area_sqkm"} == set(
        ArdOrderOperator.template_fields
    )


@pytest.mark.parametrize("as_text", [False, True])
def test_credentials_are_masked_before_rendered_fields_are_stored(order, context, as_text):
    from airflow.providers.common.compat.sdk import redact

    sas = f"https://acct.blob.core.windows.net/c?sv=1&sig=PlantedSecret{as_text}"
    config = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas}}
    task = order(destination=None, output_config=json.dumps(config) if as_text else config)
    task.render_template_fields(context)
    assert "PlantedSecret" not in str(redact(task.output_config, "output_config"))
    assert "PlantedSecret" not in str(redact(f"error: {sas}"))
