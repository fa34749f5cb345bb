"""The provider with every reading of the API's undocumented behavior: all pairs of values, or all triples in `make chaos`."""

from __future__ import annotations

import json
import os
from itertools import combinations, product
from random import Random

import pytest

from airflow_provider_ard.exceptions import (
    ArdAuthError,
    ArdBudgetExceeded,
    ArdError,
    ArdNotFoundError,
    ArdOrderFailed,
    ArdOrderInDoubtError,
    ArdRequestError,
    ArdUnavailableError,
)
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from airflow_provider_ard.ordering import existing_orders
from airflow_provider_ard.sandbox import Assumptions, Sandbox
from airflow_provider_ard.sandbox.assumptions import ASSUMPTIONS
from airflow_provider_ard.sensors.order import ArdOrderSensor

STRENGTH = 3 if os.environ.get("ARD_CHAOS") == "full" else 2
# More than the orders of a test cost, except for that of all acquisitions.
LIMIT = 1_000
REFUSED = {"400": ArdRequestError, "403": ArdAuthError}


def covering_array(strength):
    """Return few rows, in which each combination of values of this many assumptions occurs."""
    random = Random(1)
    missing = set()
    for names in combinations(ASSUMPTIONS, strength):
        missing |= {frozenset(zip(names, values, strict=True)) for values in product(*map(ASSUMPTIONS.get, names))}
    rows = []
    while missing:
        row = dict(min(missing, key=sorted))
        names = [name for name in ASSUMPTIONS if name not in row]
        for name in random.sample(names, len(names)):
            others = list(combinations(row.items(), strength - 1))
            counts = {
                value: sum(frozenset([(name, value), *other]) in missing for other in others)
                for value in ASSUMPTIONS[name]
            }
            row[name] = random.choice([value for value in counts if counts[value] == max(counts.values())])
        missing -= {frozenset(items) for items in combinations(row.items(), strength)}
        rows.append(row)
    return rows


ROWS = covering_array(STRENGTH)


def test_rows_contain_all_pairs():
    for (first, values), (second, other_values) in combinations(ASSUMPTIONS.items(), 2):
        assert {(row[first], row[second]) for row in ROWS} == set(product(values, other_values))


class Provider:
    """The provider's operators against a sandbox; each task has its own ID."""

    def __init__(self, ard, context):
        self.ard = ard
        self.context = context
        self.client = ArdHook().get_conn()

    def order(self, task_id, *, is_retry=False, **arguments):
        self.context["ti"].task_id = task_id
        self.context["ti"].try_number = 2 if is_retry else 1
        arguments = {"destination": "s3://bkt/p", **arguments}
        return ArdOrderOperator(task_id=task_id, **arguments).execute(self.context)

    def cell(self, number):
        acquisition = self.ard.acquisitions[number]
        return {acquisition: self.ard.cells(acquisition)[:1]}

    def poll(self, order_id):
        sensor = ArdOrderSensor(task_id="wait", order_id=order_id, deferrable=False)
        return sensor.poke(self.context).xcom_value


@pytest.fixture(params=ROWS, ids=lambda row: str(ROWS.index(row)))
def assumptions(request):
    return Assumptions(**request.param)


@pytest.fixture
def ard(assumptions, tmp_path):
    sandbox = Sandbox(
        order_duration="1h", storage=tmp_path, pixels=32, limits={"annual": LIMIT}, assumptions=assumptions
    )
    with sandbox:
        yield sandbox


@pytest.fixture
def provider(ard, assumptions, context, tmp_path, monkeypatch, retry_pauses):
    connection = json.loads(ard.connection_json)
    connection["extra"]["cells_key"] = "cell_ids" if assumptions.cells_key == "cell_ids" else "cells"
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(existing_orders, "SEARCH_WINDOW_S", 0.2)
    monkeypatch.setattr(existing_orders, "LAST_SEARCH_TIMEOUT_S", 2.0)

    def read(store, uris):
        for uri in uris:
            path = tmp_path / uri.removeprefix("s3://")
            if not path.exists():
                raise ArdError(f"{uri}: not found")
            yield uri, json.loads(path.read_bytes())

    monkeypatch.setattr("airflow_provider_ard.hooks.storage.AirflowObjectStore.read_documents", read)
    return Provider(ard, context)


def test_main_path(ard, provider, assumptions, context):
    order_id = order_after_lost_response(ard, provider, assumptions)
    assert len(ard.orders[0].tiles) == 1
    others = [provider.order(f"other-{number}", acquisitions=provider.cell(number)) for number in (1, 2)]
    assert len(ard.submissions) == len(ard.orders) == 3
    ard.wait_for_deliveries()
    order_ids = [order_id, *others]
    check_list(provider, assumptions, order_ids)
    check_wait(ard, provider, order_ids)
    check_tiles(ard, provider, order_id)
    check_select(ard, provider)
    check_refusals(ard, provider, assumptions, context)


def order_after_lost_response(ard, provider, assumptions):
    """Place one order; return its ID after its response was lost and the search for it failed."""
    ard.faults.add("POST /order", kind="reset_after_accept", nth=1)
    ard.faults.add("GET /order", kind="status", status=503, nth=2, times=100)
    with pytest.raises(ArdOrderInDoubtError):
        provider.order("order", acquisitions=provider.cell(0))
    ard.faults.clear()
    arguments = {"acquisitions": provider.cell(0), "is_retry": True}
    if assumptions.metadata == "absent":
        # Nothing proves to which task the order belongs.
        with pytest.raises(ArdUnavailableError) as caught:
            provider.order("order", **arguments)
        assert caught.value.order_id == ard.orders[0].id
        arguments["existing_order_id"] = ard.orders[0].id
    order_id = provider.order("order", **arguments)
    # Without a clear, a retry re-attaches.
    assert provider.order("order", if_exists="resubmit", **arguments) == order_id
    assert [order.id for order in ard.orders] == [order_id]
    assert len(ard.submissions) == 1
    return order_id


def check_list(provider, assumptions, order_ids):
    listed = [order.id for order in provider.client.list_orders(start_date="2020-01-01")]
    assert sorted(listed) == sorted(order_ids)
    if assumptions.list_rows == "complete" and assumptions.order_times == "present":
        assert listed == order_ids[::-1]
    else:
        # Without times, the sequence is that of the API.
        assert listed in (order_ids, order_ids[::-1])


def check_wait(ard, provider, order_ids):
    before = len(ard.requests)
    assert provider.poll(order_ids) is None
    assert "GET /order" in {request.endpoint for request in ard.requests[before:]}
    assert provider.poll(order_ids[0]) is None
    assert ard.requests[-1].endpoint == f"GET /order/status/{order_ids[0]}"
    ard.clock.advance("2h")
    reports = provider.poll(order_ids)
    assert reports == [provider.poll(order_id) for order_id in order_ids]
    assert [report["order_id"] for report in reports] == order_ids
    assert {report["output_uri"] for report in reports} == {"s3://bkt/p"}


def check_tiles(ard, provider, order_id):
    tiles = ArdListTilesOperator(task_id="tiles", order_id=order_id, assets=["visual"]).execute(provider.context)
    assert [(tile["acquisition_id"], [tile["cell_id"]]) for tile in tiles] == list(provider.cell(0).items())


def check_select(ard, provider):
    cell = ard.catalog.tiles(ard.acquisitions[0])[ard.cells(ard.acquisitions[0])[0]]
    west, south, east, north = cell.cell_area.bounds
    bbox = [west + 0.015, south + 0.015, east - 0.015, north - 0.015]
    search = {"bbox": bbox, "query": {"gsd": {"gt": 0}}, "stack_depth": 1}
    select_id = ArdSelectOperator(task_id="select", deferrable=False, poke_interval=1, **search).execute(
        provider.context
    )
    assert provider.context["ti"].xcoms["counts"]["tiles"] == 1
    assert provider.order("select_order", select_id=select_id, dry_run=True) is None
    assert provider.context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"] > 0


def check_refusals(ard, provider, assumptions, context):
    """Orders beyond the limit of the account, failed orders, and unknown ones."""
    everything = {"acquisitions": ard.acquisitions}
    placed = len(ard.orders)
    if assumptions.dry_run_over_limit == "estimated":
        provider.order("dry_run", dry_run=True, **everything)
        assert context["ti"].xcoms["usage"]["cost"]["total_imagery_cost"] > LIMIT
    else:
        with pytest.raises(REFUSED.get(assumptions.over_limit, ArdRequestError)):
            provider.order("dry_run", dry_run=True, **everything)
    if assumptions.over_limit == "order_fails":
        order_id = provider.order("everything", **everything)
        ard.clock.advance("2h")
        with pytest.raises(ArdOrderFailed):
            provider.poll(order_id)
    else:
        with pytest.raises(REFUSED[assumptions.over_limit]):
            provider.order("everything", **everything)
        assert len(ard.orders) == placed
    unknown = {"404": ArdNotFoundError, **REFUSED}[assumptions.unknown_order]
    with pytest.raises(unknown):
        provider.client.get_order("4")
    provider.client.put_credentials("mine", "https://account.blob.core.windows.net/c?sig=s")


@pytest.mark.parametrize("assumptions", [Assumptions(cells_key="cell_ids")])
def test_wrong_cells_key_that_is_refused_buys_nothing(ard, provider, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    with pytest.raises(ArdRequestError):
        provider.order("order", acquisitions=provider.cell(0))
    assert ard.orders == []


@pytest.mark.parametrize("assumptions", [Assumptions(cells_key="cell_ids", unknown_fields="ignored")])
def test_wrong_cells_key_that_is_ignored_exceeds_the_limit(ard, provider, monkeypatch, log_text):
    monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", ard.connection_json)
    with pytest.raises(ArdBudgetExceeded):
        provider.order("order", acquisitions=provider.cell(0), max_cost=LIMIT)
    assert ard.orders == []
    # Without a limit there is no estimate before the purchase: one order, with a warning.
    provider.order("order", acquisitions=provider.cell(0), is_retry=True)
    assert len(ard.orders) == 1
    assert "cells_key" in log_text("warning")
