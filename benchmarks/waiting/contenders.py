"""The measured triggers, each as its operator creates it. Imported in both environments."""

# ruff: noqa: PLC0415 -- each process loads its own contender only

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from benchmarks.waiting.orders import finished_at, number_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CONN_ID = "waiting"
# As many waits end at once as a page of the list has orders.
PAGE_SIZE, PAGE_S = 100, 0.02
_bare_waits: dict[int, asyncio.Future[None]] = {}


@dataclass(frozen=True)
class Task:
    """A measurement: number of triggers, number of rounds after the first one; `cap`: maximum seconds of a phase."""

    contender: str
    orders: int
    interval: float
    rounds: int
    cap: float
    host: str
    port: int


@dataclass(frozen=True)
class Contender:
    """One kind of trigger; `connection(host, port)` returns the arguments of its Connection without the ID.

    `polls`: False for a trigger that sends no request, as a baseline. `full_after`: how many collections of the middle
    generation come before a full one; Python's default unless docs/scale.md recommends another value.
    """

    name: str
    package: str
    make: Callable[[], Callable[[str, float], Any]]
    connection: Callable[[str, int], dict[str, Any]]
    is_ours: bool = field(default=False)
    polls: bool = field(default=True)
    full_after: int = field(default=10)

    @property
    def is_peer(self) -> bool:
        """Whether it belongs to another provider."""
        return self.polls and not self.is_ours


def _ours() -> Callable[[str, float], Any]:
    from airflow_provider_ard.triggers.order import ArdOrderTrigger

    return lambda order_id, interval: ArdOrderTrigger([order_id], ard_conn_id=CONN_ID, poke_interval=interval)


def _bare() -> Callable[[str, float], Any]:
    from airflow.triggers.base import BaseTrigger, TriggerEvent

    class BareTrigger(BaseTrigger):
        """Waits for a future, which `end_bare_waits` completes, and sends no request: the baseline."""

        def __init__(self, order_id: str) -> None:
            super().__init__()  # type: ignore[no-untyped-call] # of Airflow
            self.order_id = order_id

        def serialize(self) -> tuple[str, dict[str, Any]]:
            return ("benchmarks.BareTrigger", {"order_id": self.order_id})

        async def run(self) -> AsyncIterator[TriggerEvent]:
            number = number_of(self.order_id)
            if number >= 0:
                _bare_waits[number] = asyncio.get_running_loop().create_future()
                await _bare_waits[number]
            yield TriggerEvent(None)

    return lambda order_id, _: BareTrigger(order_id)


async def end_bare_waits(begin: float, over: float) -> None:
    """End the bare triggers as polls of their orders every `over` seconds would: as many at once as a page has."""
    while _bare_waits:
        now = time.monotonic()
        done = [number for number in _bare_waits if finished_at(number, begin, over) <= now]
        for page in range(0, len(done), PAGE_SIZE):
            for number in done[page : page + PAGE_SIZE]:
                _bare_waits.pop(number).set_result(None)
            await asyncio.sleep(PAGE_S)
        await asyncio.sleep(over)


def _http() -> Callable[[str, float], Any]:
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    return lambda order_id, interval: HttpSensorTrigger(
        endpoint=f"jobs/{order_id}", http_conn_id=CONN_ID, poke_interval=interval
    )


def _dbt_cloud() -> Callable[[str, float], Any]:
    from airflow.providers.dbt.cloud.triggers.dbt import DbtCloudRunJobTrigger

    end = time.time() + 86400
    return lambda order_id, interval: DbtCloudRunJobTrigger(
        conn_id=CONN_ID, run_id=int(order_id), end_time=end, poll_interval=interval, account_id=None
    )


def _databricks() -> Callable[[str, float], Any]:
    from airflow.providers.databricks.triggers.databricks import DatabricksExecutionTrigger

    return lambda order_id, interval: DatabricksExecutionTrigger(
        run_id=int(order_id),
        databricks_conn_id=CONN_ID,
        polling_period_seconds=interval,  # type: ignore[arg-type] # it takes any number of seconds
    )


def _fivetran() -> Callable[[str, float], Any]:
    import pendulum
    from fivetran_provider_async.triggers import FivetranTrigger

    before = pendulum.datetime(2026, 1, 15)
    return lambda order_id, interval: FivetranTrigger(
        task_id="wait",
        connector_id=order_id,
        fivetran_conn_id=CONN_ID,
        previous_completed_at=before,
        poke_interval=interval,
    )


OURS = Contender(
    name="ArdOrderTrigger",
    package="airflow-provider-ard",
    make=_ours,
    connection=lambda host, port: {
        "conn_type": "ard",
        "host": f"http://{host}:{port}",
        "login": "user",
        "password": "waiting-password",
    },
    is_ours=True,
)
CONTENDERS = {
    "ours": OURS,
    "ours-rare-gc": replace(OURS, name=f"{OURS.name}, full collections rare", full_after=1_000),
    "bare": Contender(
        name="BareTrigger",
        package="apache-airflow",
        make=_bare,
        connection=lambda *_: {"conn_type": "http"},
        polls=False,
    ),
    "http": Contender(
        name="HttpSensorTrigger",
        package="apache-airflow-providers-http",
        make=_http,
        connection=lambda host, port: {"conn_type": "http", "host": host, "port": port},
    ),
    "dbt-cloud": Contender(
        name="DbtCloudRunJobTrigger",
        package="apache-airflow-providers-dbt-cloud",
        make=_dbt_cloud,
        connection=lambda host, port: {
            "conn_type": "dbt_cloud",
            "host": f"{host}:{port}",
            "login": "1",
            "password": "waiting-password",
        },
    ),
    "databricks": Contender(
        name="DatabricksExecutionTrigger",
        package="apache-airflow-providers-databricks",
        make=_databricks,
        connection=lambda host, port: {
            "conn_type": "databricks",
            "schema": "http",
            "host": host,
            "port": port,
            "login": "principal",
            "password": "waiting-password",
            "extra": json.dumps({"service_principal_oauth": True}),
        },
    ),
    "fivetran": Contender(
        name="FivetranTrigger",
        package="airflow-provider-fivetran-async",
        make=_fivetran,
        connection=lambda *_: {"conn_type": "fivetran", "login": "key", "password": "waiting-password"},
    ),
}


def send_all_to(host: str, port: int) -> None:
    """Redirect the aiohttp requests of peers that accept no other host or scheme to the server.

    Plain HTTP saves them the TLS handshakes.
    """
    import aiohttp
    from yarl import URL

    request = aiohttp.ClientSession._request

    async def redirected(self: Any, method: str, url: Any, **options: Any) -> Any:
        target = URL(url)
        if target.scheme == "https":
            target = target.with_scheme("http").with_host(host).with_port(port)
        return await request(self, method, target, **options)

    aiohttp.ClientSession._request = redirected  # type: ignore[method-assign]
