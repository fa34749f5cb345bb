from __future__ import annotations

import json

import pytest

from airflow_provider_ard.api.arguments import ORDER_ARGUMENTS
from airflow_provider_ard.exceptions import ArdOrderConflict, ArdOrderInDoubtError, ArdRequestError, ArdUnavailableError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.version_compat import AirflowFailException


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
def test_lost_response_places_one_order(ard, order, context, fault):
    ard.faults.add("POST /order", kind=fault, nth=1)
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]
    assert len(ard.submissions) == 1


def test_lost_response_with_lagging_list_is_resolved_by_the_retry(ard, order, context, monkeypatch):
    monkeypatch.setattr("airflow_provider_ard.ordering.existing_orders.SEARCH_WINDOW_S", 0.1)
    ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
    rule = ard.faults.add("GET /order", kind="status", status=503, nth=2, times=10_000)
    with pytest.raises(ArdOrderInDoubtError):
        order().execute(context)
    ard.faults.remove(rule)
    assert order().execute(context) == ard.orders[0].id
    assert len(ard.submissions) == 1


def test_dry_run_buys_nothing(ard, order, context):
    assert order(dry_run="True").execute(context) is None
    assert ard.orders == []
    assert context["ti"].xcoms["usage"]["area"]["total_imagery_sqkm"] > 0


def test_invalid_argument_sends_no_request(ard, order, context):
    with pytest.raises(ArdRequestError, match="bbox") as caught:
        order(bbox=[1, 2, 3]).execute(context)
    assert isinstance(caught.value, AirflowFailException)
    assert ard.requests == []


def test_wrong_password_is_final_and_names_the_connection(ard, order, context, monkeypatch):
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
    "arguments", [{"if_exists": "replace"}, {"max_cost": "much"}, {"metadata": {"airflow_key": "mine"}}], ids=str
)
def test_dry_run_validates_like_an_order(ard, order, context, arguments):
    with pytest.raises(ArdRequestError, match=next(iter(arguments))):
        order(dry_run=True, **arguments).execute(context)
    assert ard.requests == []


def test_every_argument_is_a_template_field():
    others = {"ard_conn_id", "if_exists", "existing_order_id", "max_cost", "max_area_sqkm", "budget", "on_exceeded"}
    others |= {"storage_conn_id"}
    assert {*ORDER_ARGUMENTS, *others} == set(ArdOrderOperator.template_fields)


@pytest.mark.parametrize("as_text", [False, True])
def test_credentials_are_masked_before_rendered_fields_are_stored(order, context, as_text):
    from airflow_provider_ard.version_compat import redact

    sas = f"https://acct.blob.core.windows.net/c?sv=1&sig=PlantedSecret{as_text}"
    config = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas}}
    task = order(destination=None, output_config=json.dumps(config) if as_text else config)
    task.render_template_fields(context)
    assert "PlantedSecret" not in str(redact(task.output_config, "output_config"))
    assert "PlantedSecret" not in str(redact(f"error: {sas}"))


def test_kill_logs_that_the_order_continues(order, context, log_text):
    task = order()
    task.on_kill()
    assert "An order may have been submitted" in log_text()
    order_id = task.execute(context)
    task.on_kill()
    assert f"Order {order_id} cannot be canceled" in log_text()


@pytest.mark.parametrize("mapped", [False, True])
def test_literal_credential_is_masked_in_the_dag_but_sent(ard, order, context, mapped):
    from airflow.serialization import serialized_objects

    from tests.airflow_names import DAG

    sas = "https://acct.blob.core.windows.net/c?sv=1&se=2099-01-01&sp=rcw&sr=c&sig=LiteralSecret"
    config = {"azure_blob_storage": {"container": "c", "prefix": "p", "sas_url": sas}}
    with DAG("d", schedule=None) as dag:
        if mapped:
            ArdOrderOperator.partial(task_id="order", output_config=config).expand(acquisitions=[ard.acquisitions[0]])
        else:
            task = order(destination=None, output_config=config)
    # The class has this name since Airflow 3.2.
    serializer = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    assert "LiteralSecret" not in json.dumps(serializer.to_dict(dag))
    if not mapped:
        task.render_template_fields(context)
        task.execute(context)
        assert ard.submissions[0].body["output_config"] == config
