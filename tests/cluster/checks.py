"""The result of a run: each order was placed once, each wait ended as its order did, and no task was lost."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_ard.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.cluster.load import TaskRow

ORDER, WAIT, LIST_TILES = "deliver.order", "deliver.wait", "deliver.list_tiles"
SUCCEEDED, FAILED = "SUCCEEDED", "FAILED"
# The states of the waiting and the listing task, by the status of the order.
EXPECTED_STATES = {SUCCEEDED: ("success", "success"), FAILED: ("failed", "upstream_failed")}

Key = tuple[str, int]


@dataclass(frozen=True)
class Order:
    """An order in the sandbox."""

    id: str
    status: str
    cells: list[str]


@dataclass
class Result:
    """What was counted, and what is wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def read_orders(state: Path) -> dict[Key, list[Order]]:
    """Return the orders in a stopped sandbox's state, oldest first, by run ID and map index of their tags."""
    orders = defaultdict(list)
    for order in Sandbox(state=state).orders:
        tags = order.request["metadata"]
        key = (tags["airflow_run_id"], int(tags["airflow_map_index"]))
        cells = [cell for acquisition in order.request["acquisitions"] for cell in acquisition["cells"]]
        orders[key].append(Order(order.id, order.status, cells))
    return orders


def check(
    tasks: Sequence[TaskRow],
    returned: Mapping[str, Mapping[Key, Any]],
    orders: Mapping[Key, Sequence[Order]],
    count: int,
) -> Result:
    """Compare all tasks with the orders in the sandbox.

    :param returned: By task ID, what the task instances returned.
    :param count: The number of orders that the load should have placed.
    """
    result = Result()
    states = {(task.task_id, task.run_id, task.map_index): task.state for task in tasks}
    result.counts["tries"] = sum(task.try_number for task in tasks)
    result.counts["tasks"] = len(tasks)
    keys = sorted((task.run_id, task.map_index) for task in tasks if task.task_id == ORDER)
    if len(keys) != count:
        result.problems.append(f"{len(keys)} order tasks instead of {count}")
    result.problems += [f"{task} has not ended" for task in tasks if not task.is_final]
    result.problems += [f"{key}: orders {orders[key]} of an unknown task" for key in orders.keys() - set(keys)]
    for key in keys:
        placed = orders.get(key, ())
        result.counts["orders"] += len(placed)
        # A failed order costs nothing; a retry of its task may replace it.
        result.counts["replaced after it had failed"] += max(0, len(placed) - 1)
        if not placed or any(order.status != FAILED for order in placed[:-1]):
            result.problems.append(f"{key}: placed {len(placed)} times: {placed}")
            continue
        order = placed[-1]
        result.counts[order.status] += 1
        if order.id != returned[ORDER].get(key):
            result.problems.append(f"{key}: order {order.id}, but its task returned {returned[ORDER].get(key)}")
        actual = tuple(states.get((task_id, *key)) for task_id in (ORDER, WAIT, LIST_TILES))
        expected = ("success", *EXPECTED_STATES.get(order.status, (None, None)))
        if actual != expected:
            result.problems.append(f"{key}: order {order.id} is {order.status}, its tasks are {actual}")
        elif order.status == SUCCEEDED:
            result.problems += _check_delivery(key, order, returned)
            result.counts["tiles"] += len(returned[LIST_TILES].get(key) or ())
    return result


def _check_delivery(key: Key, order: Order, returned: Mapping[str, Mapping[Key, Any]]) -> list[str]:
    report = returned[WAIT].get(key) or {}
    tiles = returned[LIST_TILES].get(key) or ()
    problems = []
    if (report.get("order_id"), report.get("status")) != (order.id, SUCCEEDED):
        problems.append(f"{key}: order {order.id}, but the wait returned {json.dumps(report)}")
    if [tile["cell_id"] for tile in tiles] != order.cells:
        problems.append(f"{key}: expected tiles of {order.cells}, got {json.dumps(tiles)}")
    return problems
