"""Run the imagery trigger against a sandbox that publishes acquisitions."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from importlib import resources
from types import SimpleNamespace

import pytest

from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger

BBOX = [-105.2, 40.1, -105.0, 40.25]
NOW = datetime.now(UTC)


class Store:
    """The asset state store of Airflow 3.3.2, for one asset."""

    def __init__(self):
        self.values = {}
        self.broken = False

    async def aget(self, key, default=None):
        return json.loads(self.values[key]) if key in self.values else default

    async def aset(self, key, value):
        if self.broken:
            raise RuntimeError("database unavailable")
        self.values[key] = json.dumps(value)


class BlockingStore:
    """The asset state store of Airflow 3.3.0."""

    def __init__(self):
        self.values = {}

    def get(self, key, default=None):
        return self.values.get(key, default)

    def set(self, key, value):
        self.values[key] = json.loads(json.dumps(value))


@pytest.fixture
def ard(monkeypatch):
    with Sandbox() as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
        yield sandbox


def publish(ard, number, acquired_at=NOW, cells=None):
    """Publish a copy of an acquisition in the catalog with another ID and date; return the ID."""
    bundled = json.loads(
        resources.files("airflow_provider_ard.sandbox.backend").joinpath("catalog.geojson").read_text()
    )
    first = next(
        feature["properties"]["catalog_id"]
        for feature in bundled["features"]
        if feature["properties"]["utm_zone"] == 13
    )
    features = [feature for feature in bundled["features"] if feature["properties"]["catalog_id"] == first][:cells]
    for feature in features:
        feature["properties"] |= {"catalog_id": f"104001{number:08X}00", "datetime": acquired_at.isoformat()}
    assert ard.publish({"type": "FeatureCollection", "features": features})
    return f"104001{number:08X}00"


def trigger(store=None, **arguments):
    defaults = {"poke_interval": 1, "lookback": timedelta(days=60)}
    aoi = {} if "intersects" in arguments else {"bbox": BBOX}
    imagery_trigger = ArdNewImageryTrigger(**(aoi | defaults | arguments))
    imagery_trigger.asset_state_store = store
    return imagery_trigger


def search_count(ard):
    return sum(
        request.endpoint == "POST /metadata/cells/acquisitions" and request.status is not None
        for request in ard.requests
    )


class RunningTrigger:
    """A trigger in a task, as a triggerer runs it."""

    def __init__(self, ard, trigger):
        self.ard, self.events = ard, []
        self._task = asyncio.create_task(self._run(trigger))

    async def _run(self, trigger):
        async for event in trigger.run():
            self.events.append(event.payload)

    async def searched(self, times=3):
        """Wait for further searches, after which the events of the first one are confirmed."""
        earlier_count = search_count(self.ard)
        while search_count(self.ard) < earlier_count + times:
            assert not self._task.done(), self._task
            await asyncio.sleep(0.005)

    async def kill(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def until(condition):
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def ids(events):
    return [event["acquisition_id"] for event in events]


def stored_event(payload, at=NOW):
    return SimpleNamespace(extra={"from_trigger": True, "payload": payload}, timestamp=at)
