from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from types import SimpleNamespace

import airflow.triggers.base
import pytest
import shapely

from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.polling.imagery_state import ImageryState
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger, new_acquisitions

sdk = pytest.importorskip("airflow.sdk", reason="Airflow 2 has no asset watchers; see test_airflow2.py")
Asset, AssetWatcher = sdk.Asset, sdk.AssetWatcher

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


@pytest.fixture
def short_sleeps(monkeypatch):
    """Shorten sleeps to a hundredth and return their original lengths in seconds."""
    pauses, sleep = [], asyncio.sleep

    async def shorter(seconds):
        if seconds >= 1:
            pauses.append(seconds)
        await sleep(seconds / 100 if seconds >= 1 else seconds)

    monkeypatch.setattr(asyncio, "sleep", shorter)
    return pauses


def publish(ard, number, taken=NOW, cells=None):
    """Publish the tiles of a new acquisition: a copy of one in the catalog with another ID and date."""
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
        feature["properties"] |= {"catalog_id": f"104001{number:08X}00", "datetime": taken.isoformat()}
    assert ard.publish({"type": "FeatureCollection", "features": features})
    return f"104001{number:08X}00"


def trigger(store=None, **arguments):
    defaults = {"bbox": BBOX, "poke_interval": 1, "lookback": timedelta(days=60)}
    made = ArdNewImageryTrigger(**(defaults | arguments))
    made.asset_state_store = store
    return made


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
        """Wait for further searches: events of the first one are confirmed by then."""
        seen = search_count(self.ard)
        while search_count(self.ard) < seen + times:
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


def test_published_acquisition_fires_once_and_existing_ones_do_not(ard, short_sleeps):
    async def scene():
        running = RunningTrigger(ard, trigger(Store()))
        await running.searched()
        assert running.events == []
        published = [publish(ard, 1)]
        await running.searched()
        # Published late, with an older date.
        published += [publish(ard, 2, NOW - timedelta(days=40))]
        await running.searched()
        await running.kill()
        return published, running.events

    published, events = asyncio.run(scene())
    assert ids(events) == published
    assert events[0]["date"] == f"{NOW:%Y-%m-%d}"
    assert events[0]["repeated"] is False
    assert json.loads(json.dumps(events)) == events


def test_event_converts_to_the_argument_of_an_order(ard, short_sleeps, context):
    async def scene():
        running = RunningTrigger(ard, trigger(Store()))
        await running.searched()
        publish(ard, 1)
        await running.searched()
        await running.kill()
        return running.events

    events = [stored_event(payload) for payload in asyncio.run(scene())]
    (acquisition,) = new_acquisitions({"asset": events})
    ArdOrderOperator(task_id="order", acquisitions=acquisition, destination="bkt/p").execute(context)
    assert {tile.cell_id for tile in ard.orders[0].tiles} == set(acquisition["cells"])


@pytest.mark.parametrize("make_store", [Store, BlockingStore])
def test_restart_fires_only_what_was_published_meanwhile(ard, short_sleeps, make_store):
    async def scene():
        store, events, published = make_store(), [], []
        for number in range(1, 4):
            running = RunningTrigger(ard, trigger(store))
            await running.searched()
            await running.kill()
            events += running.events
            published.append(publish(ard, number))
        running = RunningTrigger(ard, trigger(store))
        await running.searched()
        await running.kill()
        return events + running.events, published

    events, published = asyncio.run(scene())
    assert ids(events) == published
    assert not any(event["repeated"] for event in events)


def test_trigger_killed_while_firing_fires_again_as_repeated(ard, short_sleeps, monkeypatch):
    async def scene():
        store = Store()
        running = RunningTrigger(ard, trigger(store))
        await running.searched()
        # Longer than the test: it is killed before it confirms the event.
        with monkeypatch.context() as patch:
            patch.setattr("airflow_provider_ard.triggers.imagery.SETTLE_S", 3600)
            publish(ard, 1)
            await until(lambda: running.events)
            await running.kill()
        again = RunningTrigger(ard, trigger(store))
        await until(lambda: again.events)
        await again.searched()
        await again.kill()
        return running.events + again.events

    events = asyncio.run(scene())
    assert [event["repeated"] for event in events] == [False, True]
    assert len(set(ids(events))) == 1


def test_search_has_a_large_stack_depth(ard, short_sleeps):
    async def scene():
        running = RunningTrigger(ard, trigger(Store()))
        await running.searched()
        await running.kill()
        return next(request for request in ard.requests if request.endpoint == "POST /metadata/cells/acquisitions")

    assert asyncio.run(scene()).body["stack_depth"] == 100


def test_missing_store_is_logged_once(ard, short_sleeps, log_text):
    async def scene(store):
        running = RunningTrigger(ard, trigger(store))
        await running.searched()
        await running.kill()

    asyncio.run(scene(Store()))
    assert "Before Airflow 3.3" not in log_text()
    asyncio.run(scene(None))
    assert log_text().count("Before Airflow 3.3") == 1


def test_state_is_kept_in_memory_without_a_store(ard, short_sleeps):
    async def scene():
        events = []
        for number in (1, 2):
            running = RunningTrigger(ard, trigger())
            await running.searched()
            publish(ard, number)
            await running.searched()
            await running.kill()
            events += running.events
        return events

    assert ids(asyncio.run(scene())) == ["1040010000000100", "1040010000000200"]


def test_without_a_store_existing_imagery_fires_at_each_start_as_repeated(ard, short_sleeps):
    async def scene():
        events = []
        for number in (1, 2):
            # Published while no running runs.
            publish(ard, number)
            running = RunningTrigger(ard, trigger(fire_existing=True, lookback=timedelta(days=10)))
            await running.searched()
            await running.kill()
            events.append(running.events)
        return events

    first, second = asyncio.run(scene())
    assert ids(first) == ["1040010000000100"]
    assert ids(second) == ["1040010000000100", "1040010000000200"]
    assert all(event["repeated"] for event in (*first, *second))
    runs = [
        [stored_event(event, NOW + timedelta(days=day)) for event in some] for day, some in enumerate((first, second))
    ]
    history = {"asset": [*runs[0], *runs[1]]}
    ordered = [[acquisition["id"] for acquisition in new_acquisitions({"asset": events}, history)] for events in runs]
    assert ordered == [["1040010000000100"], ["1040010000000200"]]


def test_fire_existing_fires_once(ard, short_sleeps):
    async def scene():
        store = Store()
        running = RunningTrigger(ard, trigger(store, fire_existing=True, lookback=3650 * 86_400))
        await running.searched()
        await running.kill()
        again = RunningTrigger(ard, trigger(store, fire_existing=True, lookback=3650 * 86_400))
        await again.searched()
        await again.kill()
        return running.events, again.events

    first, second = asyncio.run(scene())
    assert len(first) == 10
    assert [event["datetime"] for event in first] == sorted(event["datetime"] for event in first)
    assert second == []


def test_query_and_lookback_are_applied(ard, short_sleeps):
    async def scene():
        running = RunningTrigger(ard, trigger(Store(), query={"platform": {"eq": "worldview-04"}}))
        narrow = RunningTrigger(ard, trigger(Store(), lookback=86_400))
        await running.searched(6)
        publish(ard, 1, NOW - timedelta(days=5))
        await running.searched(6)
        await running.kill()
        await narrow.kill()
        return running.events + narrow.events

    assert asyncio.run(scene()) == []


def test_assets_that_share_a_trigger_share_its_state(ard, short_sleeps):
    context = pytest.importorskip("airflow.sdk.execution_time.context")
    if not hasattr(context, "AssetStateStoreAccessors"):
        pytest.skip("there is no asset state store before Airflow 3.3")
    both = context.AssetStateStoreAccessors(inlets=[Asset("one"), Asset("two")])
    stores = {name: Store() for name in both._by_name}
    both._by_name = stores

    async def scene():
        running = RunningTrigger(ard, trigger(both))
        await running.searched()
        publish(ard, 1)
        await running.searched()
        await running.kill()
        return running.events

    assert len(asyncio.run(scene())) == 1
    assert stores["one"].values == stores["two"].values != {}


def test_trigger_survives_outage_and_logs_it_once(ard, short_sleeps, log_text):
    async def scene():
        running = RunningTrigger(ard, trigger(Store()))
        await running.searched()
        ard.faults.add("POST /metadata/*", kind="status", status=503, times=3)
        ard.faults.add("POST /metadata/*", kind="status", status=429, retry_after=70, nth=4)
        await running.searched(5)
        publish(ard, 1)
        await running.searched()
        await running.kill()
        return running.events

    assert len(asyncio.run(scene())) == 1
    assert 70 in short_sleeps
    assert log_text("warning").count("Polling failed, will retry") == 1


@pytest.mark.parametrize("wrong", [{"bbox": [1, 2, 3]}, {"query": {"platform": "worldview-02"}}], ids=str)
def test_invalid_search_is_retried_only_at_the_interval(ard, short_sleeps, wrong):
    async def scene():
        running = RunningTrigger(ard, trigger(Store(), **wrong))
        await until(lambda: short_sleeps.count(1) >= 3)
        assert not running._task.done()
        await running.kill()

    asyncio.run(scene())
    assert ard.requests == []


def test_nothing_fires_while_the_store_cannot_be_written(ard, short_sleeps):
    async def scene():
        store = Store()
        running = RunningTrigger(ard, trigger(store))
        await running.searched()
        store.broken = True
        publish(ard, 1)
        await running.searched()
        assert running.events == []
        store.broken = False
        await running.searched()
        await running.kill()
        return running.events

    assert [event["repeated"] for event in asyncio.run(scene())] == [False]


def test_stored_state_is_bounded_by_lookback():
    from airflow_provider_ard.api.selects.results import AcquisitionMatch

    async def scene():
        store = Store()
        state = ImageryState("key", store)
        await state.load()
        await state.claim([AcquisitionMatch("old", "2026-01-01T00:00:00Z", ()), AcquisitionMatch("new", "2026-03-01", ())], fire_existing=False, oldest=date(2026, 1, 1))  # fmt: skip
        assert await state.claim([], fire_existing=False, oldest=date(2026, 2, 1)) == []
        return json.loads(store.values["key"])

    assert asyncio.run(scene()) == {"fired": {"2026-03-01": ["new"]}, "claimed": {}}


def test_trigger_serializes_to_plain_json():
    imagery_trigger = trigger(bbox=None, intersects=shapely.box(*BBOX), query={"eo:cloud_cover": {"in": (1, 2)}})
    path, arguments = imagery_trigger.serialize()
    assert path == "airflow_provider_ard.triggers.imagery.ArdNewImageryTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert ArdNewImageryTrigger(**arguments).serialize() == (path, arguments)
    assert AssetWatcher(name="area", trigger=imagery_trigger).trigger is imagery_trigger
    # Airflow identifies watchers by this, in the DAG file and in its database.
    assert imagery_trigger.hash(path, arguments) == imagery_trigger.hash(path, json.loads(json.dumps(arguments)))


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("intersects", 1j),
        ("query", {"a": {1}}),
        ("bbox", [float("nan")] * 4),
        ("lookback", 0),
        ("lookback", "a month"),
        ("poke_interval", True),
    ],
    ids=str,
)
def test_invalid_argument_raises_in_the_dag_file(argument, wrong):
    with pytest.raises(ArdRequestError, match=argument):
        ArdNewImageryTrigger(**{"bbox": BBOX, argument: wrong})


def test_error_before_airflow_3_names_the_required_version(monkeypatch):
    monkeypatch.delattr(airflow.triggers.base, "BaseEventTrigger")
    with pytest.raises(ArdRequestError, match=r"Airflow 3\.0"):
        ArdNewImageryTrigger(bbox=BBOX)


def stored_event(payload, at=NOW):
    return SimpleNamespace(extra={"from_trigger": True, "payload": payload}, timestamp=at)


def test_several_events_return_each_acquisition_once():
    events = [stored_event({"acquisition_id": name, "cells": ["c"], "repeated": False}) for name in ("a", "b", "a")]
    other = SimpleNamespace(extra={}, timestamp=NOW)
    assert new_acquisitions({"asset": [*events, other]}) == [{"id": "a", "cells": ["c"]}, {"id": "b", "cells": ["c"]}]


def test_repeated_event_is_dropped_if_stored_before():
    first = stored_event({"acquisition_id": "a", "cells": ["c"], "repeated": False})
    again = stored_event({"acquisition_id": "a", "cells": ["c"], "repeated": True}, NOW + timedelta(minutes=1))
    assert new_acquisitions({"asset": [again]}, {"asset": [first, again]}) == []
    assert new_acquisitions({"asset": [again]}, {"asset": [again]}) == [{"id": "a", "cells": ["c"]}]
    assert new_acquisitions({"asset": [again]}) == [{"id": "a", "cells": ["c"]}]
    with pytest.raises(ArdRequestError, match="inlets"):
        new_acquisitions({"asset": [again]}, {})
