"""How the cost of polling grows with the orders of an account and with its triggerers: `python -m benchmarks.growth`.

100 to 100,000 running orders are watched by 1, 10 and 100 triggerers, each by a random share, polled every minute. The
simulation runs the reader of the poller against a model of the API, without Airflow and on a clock of its own. One
triggerer is simulated, as all do the same: its requests are multiplied by their number. CPU time does not include HTTP.
`--docs` writes the table into docs/scale.md, `--plot` draws the last figures with matplotlib.
"""

from __future__ import annotations

import json
import random
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from airflow_provider_ard.api.http.pagination import OrderPage
from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.api.orders.status_reader import StatusReader
from benchmarks.report import REPOSITORY, environment_line, markdown_table, write_section
from benchmarks.waiting.orders import Orders, id_of, number_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDERS, TRIGGERERS = (100, 1_000, 10_000, 100_000), (1, 10, 100)
# The reader's knowledge about the list expires after ten of these.
INTERVAL_S, ROUNDS = 60.0, 20
PAGE_SIZE = 100
HEAD = ("Orders", "Triggerers", "Requests a minute", "per order", "CPU ms per order and poll", "Bytes per order")
COMMAND = "python -m benchmarks.growth"
FIGURES = REPOSITORY / "benchmarks" / "growth.json"
PLOT = REPOSITORY / "docs" / "images" / "growth.png"


class Model:
    """The part of the API that polling needs: the list of running orders, newest first, and each order's status."""

    def __init__(self, orders: int) -> None:
        self.requests = 0
        self._orders = rows = Orders(orders)
        self._pages = []
        for newest in range(orders - 1, -1, -PAGE_SIZE):
            oldest = max(0, newest - PAGE_SIZE + 1)
            data = b",".join(rows.row(number) for number in range(newest, oldest - 1, -1))
            self._pages.append(b'{"data":[' + data + b'],"has_more":' + (b"true}" if oldest else b"false}"))

    def status_pages(self, start_date: str) -> Iterator[OrderPage]:
        """Yield the pages of the list."""
        assert start_date
        for content in self._pages:
            self.requests += 1
            yield OrderPage(content)

    def get_order(self, order_id: str) -> OrderStatus:
        """Return an order's status."""
        self.requests += 1
        return OrderStatus.model_validate_json(self._orders.row(number_of(order_id)))


class Cost(NamedTuple):
    """The cost of all triggerers: requests a minute, CPU ms per order and poll, bytes per order."""

    orders: int
    triggerers: int
    requests: float
    cpu_ms: float
    size: float


def poll(reader: StatusReader, order_ids: set[str]) -> None:
    """Poll orders once, which are known to be running."""
    current = reader.start_poll(order_ids, dict.fromkeys(order_ids, "RUNNING"))
    while not current.is_finished:
        current.request_next()
    assert current.outage is None


def simulate(model: Model, orders: int, triggerers: int) -> Cost:
    """Return the cost of the polls of one triggerer, multiplied by their number."""
    clock = [time.monotonic()]
    watched = {id_of(number) for number in random.Random(1).sample(range(orders), orders // triggerers)}

    def monotonic() -> float:
        return clock[0]

    with mock.patch("time.monotonic", monotonic):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        reader: Any = StatusReader(model)  # type: ignore[arg-type] # the part of a client that it needs
        poll(reader, watched)
        size = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        model.requests, begin = 0, time.process_time()
        for _ in range(ROUNDS):
            clock[0] += INTERVAL_S
            poll(reader, watched)
        cpu = time.process_time() - begin
    per_round = model.requests / ROUNDS * 60 / INTERVAL_S
    return Cost(orders, triggerers, per_round * triggerers, cpu * 1e3 / ROUNDS / len(watched), size / len(watched))


def row(cost: Cost) -> list[str]:
    """Return the cells of a simulation."""
    return [
        f"{cost.orders:,}",
        f"{cost.triggerers:,}",
        f"{cost.requests:,.0f}",
        f"{cost.requests / cost.orders:.3f}",
        f"{cost.cpu_ms:.3f}",
        f"{cost.size:,.0f}",
    ]


def plot(costs: list[Cost]) -> None:
    """Draw the requests per order and minute against the number of orders."""
    from matplotlib.figure import Figure  # noqa: PLC0415 -- installed for the plots only

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for triggerers, marker in zip(TRIGGERERS, "os^", strict=True):
        points = [(cost.orders, cost.requests / cost.orders) for cost in costs if cost.triggerers == triggerers]
        label = f"{triggerers} triggerer{'s' * (triggerers > 1)}"
        axes.plot(*zip(*points, strict=True), marker=marker, label=label)
    axes.axhline(1.0, color="gray", linestyle="--", label="one request per order and poll")
    axes.set(xscale="log", yscale="log", xlabel="orders of the account", ylabel="requests per order and minute")
    axes.grid(linewidth=0.6)
    axes.legend(frameon=False)
    figure.savefig(PLOT, dpi=110)


def main(arguments: list[str]) -> None:
    """Simulate all sizes; print the table, write it into the documentation with `--docs`, draw it with `--plot`."""
    if "--plot" in arguments:
        plot([Cost(*values) for values in json.loads(FIGURES.read_text())])
        return
    costs = []
    for orders in ORDERS:
        model = Model(orders)
        costs += [simulate(model, orders, triggerers) for triggerers in TRIGGERERS]
    costs.sort(key=lambda cost: (cost.triggerers, cost.orders))
    FIGURES.write_text(json.dumps(costs, indent=1) + "\n")
    lines = [*markdown_table(HEAD, map(row, costs)), "", environment_line(COMMAND, "pydantic")]
    print("\n".join(lines))
    most = max(cost.requests / cost.orders for cost in costs)
    print(f"goal: ≤ 1 request per order and poll: {'met' if most <= 1.0 else 'NOT MET'}, {most:.2f}")
    if "--docs" in arguments:
        write_section("docs/scale.md", "benchmarks.growth", lines)


if __name__ == "__main__":
    main(sys.argv[1:])
