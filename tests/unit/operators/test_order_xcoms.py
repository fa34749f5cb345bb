from __future__ import annotations

import contextlib

import pytest

from airflow_provider_ard.exceptions import ArdRequestError


def test_order_id_is_returned_if_reading_its_usage_fails(ard, order, context):
    ard.faults.add("GET /order", nth=2, times=9, kind="status", status=500)
    ard.faults.add("GET /order/status/*", kind="status", status=500)
    assert order().execute(context) == ard.orders[0].id
    assert "usage" not in context["ti"].xcoms


def test_order_id_is_returned_if_publishing_fails(ard, order, context, monkeypatch, log_text):
    def broken(key, value):
        raise RuntimeError("the API server is unreachable")

    monkeypatch.setattr(context["ti"], "xcom_push", broken)
    order_id = order().execute(context)
    assert [placed.id for placed in ard.orders] == [order_id]
    assert f"Order {order_id} submitted" in log_text()


@pytest.mark.parametrize(
    ("version", "has_page"), [("2.11.2", False), ("3.0.6", False), ("3.1.0", True), ("3.3.2", True)]
)
def test_order_id_and_links_are_pushed_to_xcom(ard, order, context, monkeypatch, version, has_page):
    import airflow

    monkeypatch.setattr(airflow, "__version__", version)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team/")
    order_id = order(destination="s3://bkt/p q").execute(context)
    pushed = context["ti"].xcoms
    assert pushed["order_id"] == order_id
    assert pushed["order_url"] == (
        f"https://airflow.example/team/plugin/ard-orders?connection=ard_default&order={order_id}"
        if has_page
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


@pytest.mark.parametrize("arguments", [{"dry_run": True}, {"bbox": [1, 2, 3]}], ids=["dry run", "invalid argument"])
def test_task_without_an_order_has_empty_links(order, context, arguments):
    """Airflow reads the XCom of each link when a task ends, and logs an error if there is none."""
    with contextlib.suppress(ArdRequestError):
        order(**arguments).execute(context)
    links = {key: context["ti"].xcoms[key] for key in ("order_url", "destination_url", "collection_url")}
    assert set(links.values()) == {""}
