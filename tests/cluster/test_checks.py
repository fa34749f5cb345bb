"""The cluster test reports every kind of wrong result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cluster.checks import LIST_TILES, ORDER, WAIT, Order, check
from tests.cluster.load import TaskRow

KEY = ("run", 0)
CELL = "Z13-031131111312"
ORDERS = {KEY: [Order("1", "SUCCEEDED", [CELL])]}
RETURNED = {
    ORDER: {KEY: "1"},
    WAIT: {KEY: {"order_id": "1", "status": "SUCCEEDED"}},
    LIST_TILES: {KEY: [{"cell_id": CELL}]},
}


def tasks(order: str | None = "success", wait: str | None = "success", list_tiles: str | None = "success"):
    states = {ORDER: order, WAIT: wait, LIST_TILES: list_tiles}
    return [TaskRow("run", task_id, 0, state, 1) for task_id, state in states.items()]


def test_expected_result_has_no_problems():
    result = check(tasks(), RETURNED, ORDERS, 1)

    assert result.problems == []
    assert result.counts["orders"] == result.counts["tiles"] == result.counts["SUCCEEDED"] == 1


def test_failed_order_fails_its_wait_and_lists_nothing():
    orders = {KEY: [Order("1", "FAILED", [CELL])]}

    assert check(tasks(wait="failed", list_tiles="upstream_failed"), RETURNED, orders, 1).problems == []
    assert len(check(tasks(), RETURNED, orders, 1).problems) == 1


def test_order_that_replaces_a_failed_one_is_no_duplicate():
    orders = {KEY: [Order("0", "FAILED", [CELL]), Order("1", "SUCCEEDED", [CELL])]}

    result = check(tasks(), RETURNED, orders, 1)

    assert result.problems == []
    assert result.counts["replaced after it had failed"] == 1


@pytest.mark.parametrize(
    "orders",
    [
        {},
        {KEY: [*ORDERS[KEY], Order("2", "SUCCEEDED", [CELL])]},
        {KEY: [*ORDERS[KEY], Order("2", "FAILED", [CELL])]},
        {KEY: [Order("2", "SUCCEEDED", [CELL])]},
        {KEY: [Order("1", "RUNNING", [CELL])]},
        ORDERS | {("run", 1): [Order("2", "SUCCEEDED", [CELL])]},
    ],
    ids=["none", "two", "failed after another", "not the task's", "running", "of an unknown task"],
)
def test_wrong_orders_are_reported(orders):
    assert check(tasks(), RETURNED, orders, 1).problems


@pytest.mark.parametrize("task", ["order", "wait", "list_tiles"])
@pytest.mark.parametrize("state", ["failed", "running", "skipped", None])
def test_wrong_state_of_a_task_is_reported(task, state):
    assert check(tasks(**{task: state}), RETURNED, ORDERS, 1).problems


def test_missing_task_is_reported():
    assert check(tasks(), RETURNED, ORDERS, 2).problems
    assert check(tasks()[:2], RETURNED, ORDERS, 1).problems


@pytest.mark.parametrize(
    ("task_id", "value"),
    [
        (ORDER, None),
        (WAIT, None),
        (WAIT, {"order_id": "2", "status": "SUCCEEDED"}),
        (WAIT, {"order_id": "1", "status": "FAILED"}),
        (LIST_TILES, []),
        (LIST_TILES, [{"cell_id": "Z13-031131111303"}]),
    ],
)
def test_wrong_return_value_is_reported(task_id, value):
    assert check(tasks(), RETURNED | {task_id: {KEY: value}}, ORDERS, 1).problems


def test_task_without_final_state_is_not_final():
    row = TaskRow("run", WAIT, 0, "deferred", 1)

    assert not row.is_final
    assert replace(row, state="upstream_failed").is_final
