"""Tell what imagery would cost, a line for each candidate; nothing is bought.

Needs `airflow-provider-ard`, a Connection `ard_default` of type ARD, and a destination that the API may write to, as
it tries that, too. A candidate that cannot be ordered is in the table as refused, and its task's log says why.
"""

import logging

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_ard.operators.order import ArdOrderOperator

CANDIDATES = [
    {"acquisitions": ["10400100E82CCE00"], "bbox": [-105.10, 40.13, -105.03, 40.19]},
    {"acquisitions": ["10400100E82CCE00", "1030010013D5F500"], "bbox": [-105.10, 40.13, -105.03, 40.19]},
    {"acquisitions": ["10500100C09E8B00"], "bbox": [-68.88, -32.92, -68.81, -32.86]},
    {"acquisitions": ["10500100C09E8B00"]},
]
PARAMS = {"candidates": Param(CANDIDATES, type="array", description="Arguments of ArdOrderOperator, a dictionary each")}


@dag(schedule=None, params=PARAMS, tags=["ard"])
def ard_price_report():
    """Price each candidate by a dry run, then put the prices in a table."""
    asked = candidates()
    price = ArdOrderOperator.partial(
        task_id="price",
        destination="s3://ard-demo/delivered",
        dry_run=True,
        map_index_template="{{ task.acquisitions | join(' ') }}",
    ).expand_kwargs(asked)
    price >> report(asked)


@task
def candidates(params=None) -> list[dict]:
    """Return what is to be priced."""
    return params["candidates"]


@task(trigger_rule="all_done")
def report(asked: list[dict], ti=None) -> str:
    """Return a table of area and cost, and print it to the log."""
    # One by one: asked for many, Airflow 2 skips those that there are not.
    usages = [ti.xcom_pull(task_ids="price", key="usage", map_indexes=index) for index in range(len(asked))]
    rows = ["| acquisitions | bbox | km² | cost |", "|---|---|---:|---:|"]
    for one, usage in zip(asked, usages, strict=True):
        area, cost = "refused", ""
        if usage:
            area, cost = usage["area"]["total_imagery_sqkm"], usage["cost"]["total_imagery_cost"]
        rows.append(f"| {', '.join(one['acquisitions'])} | {one.get('bbox', 'whole')} | {area} | {cost} |")
    table = "\n".join(rows)
    logging.getLogger("airflow.task").info("\n%s", table)
    return table


ard_price_report()
