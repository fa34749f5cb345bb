"""Fill a sandbox with past orders, of several DAGs over some weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_ard.api.client import ArdClient
from airflow_provider_ard.api.http.auth import Login
from airflow_provider_ard.api.orders.request import OrderRequest
from airflow_provider_ard.ordering.idempotency import IdempotencyKey

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox import Sandbox

# DAG, task, whether it is mapped, and its weight.
DAGS = (
    ("aoi_monitor_daily", "order", False, 5),
    ("coast_change", "order_scene", True, 3),
    ("harvest_forecast", "order_fields", True, 2),
    ("new_imagery", "order", False, 2),
)
FAILURES = ("Tile generation failed for 2 cells", "The output location cannot be written to: AccessDenied")
FAILURE_RATE = 0.04
RUNNING_FOR = timedelta(days=1)


def fill(ard: Sandbox, number: int, *, days: float = 45, seed: int = 8) -> list[str]:
    """Place `number` orders over the last `days` of the sandbox's clock, and return their IDs, oldest first.

    Orders older than a day have finished. Uses the HTTP API; restores the clock. The sandbox must not finish orders by
    itself (`order_duration` longer than `days`).
    """
    random = Random(seed)  # noqa: S311
    now = ard.clock.now()
    catalog = {name: sorted(ard.cells(name)) for name in ard.acquisitions}
    moments = sorted(now - timedelta(days=days * random.random() ** 1.4) for _ in range(number))
    placed: list[str] = []
    with ArdClient(Login(ard.login, ard.password), host=ard.url) as client:
        for order_number, moment in enumerate(moments):
            ard.clock.set(moment)
            # The clock may have expired the token, which is renewed for a read and not for an order.
            client.whoami()
            placed.append(client.submit_order(_request(random, catalog, order_number, moment)).id)
            if now - moment > RUNNING_FOR:
                ard.clock.set(min(now, moment + timedelta(hours=2 + 20 * random.random())))
                if random.random() < FAILURE_RATE:
                    ard.fail_order(placed[-1], random.choice(FAILURES))
                else:
                    ard.finish_order(placed[-1])
    ard.clock.set(now)
    return placed


def _request(random: Random, catalog: dict[str, list[str]], number: int, moment: datetime) -> OrderRequest:
    acquisition = random.choice(list(catalog))
    cells = catalog[acquisition]
    start = random.randrange(len(cells))
    ordered_cells = cells[start : start + random.randint(1, 6)]
    dag_id, task_id, mapped, _ = random.choices(DAGS, [weight for *_, weight in DAGS])[0]
    request = OrderRequest.of(
        acquisitions={acquisition: ordered_cells},
        destination=f"s3://ard-demo/{dag_id}/{moment:%Y-%m-%d}",
        metadata={"campaign": f"{moment:%B}"},
    )
    if random.random() < 0.06:
        return request
    run_id = f"scheduled__{moment.astimezone(UTC):%Y-%m-%dT00:00:00+00:00}"
    return IdempotencyKey(dag_id, task_id, run_id, number % 40 if mapped else -1).tag(request)
