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
from airflow_provider_ard.sandbox import Sandbox
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger, new_acquisitions
from airflow_provider_ard.triggers.imagery_state import ImageryState

sdk = pytest.importorskip("airflow.sdk", reason="Airflow 2 has no asset watchers; test_airflow2.py says what it does")
Asset, AssetWatcher = sdk.Asset, sdk.AssetWatcher

BBOX = [-105.2, 40.1, -105.0, 40.25]
NOW = datetime.now(UTC)


class Store:
    """What Airflow 3.3.2 gives a watcher's trigger, for one asset."""

    def __init__(self):
        self.kept = {}
        self.broken = False

    async def aget(self, key, default=None):
        return json.loads(self.kept[key]) if key in self.kept else default

    async def aset(self, key, value):
        if self.broken:
            raise RuntimeError("the database is away")
        self.kept[key] = json.dumps(value)


class BlockingStore:
    """The same of Airflow 3.3.0."""

    def __init__(self):
        self.kept = {}

    def get(self, key, default=None):
        return self.kept.get(key, default)

    def set(self, key, value):
        self.kept[key] = json.loads(json.dumps(value))


@pytest.fixture
def ard(monkeypatch):
    with Sandbox() as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_ARD_DEFAULT", sandbox.connection_json)
        yield sandbox


@pytest.fixture
def quick(monkeypatch):
    """Let waits take a hundredth of their time; return them, in seconds."""
    pauses, sleep = [], asyncio.sleep

    async def shorter(seconds):
        if seconds >= 1:
            pauses.append(seconds)
        await sleep(seconds / 100 if seconds >= 1 else seconds)

    monkeypatch.setattr(asyncio, "sleep", shorter)
    return pauses


def publish(ard, number, taken=NOW, cells=None):
    """Publish the tiles of a new acquisition: one of the catalogue's under another id and date."""
    bundled = json.loads(
        resources.files("airflow_provider_ard.sandbox.backend").joinpath("catalog.geojson").read_text()
    )
    first = next(one["properties"]["catalog_id"] for one in bundled["features"] if one["properties"]["utm_zone"] == 13)
    features = [one for one in bundled["features"] if one["properties"]["catalog_id"] == first][:cells]
    for one in features:
        one["properties"] |= {"catalog_id": f"104001{number:08X}00", "datetime": taken.isoformat()}
    assert ard.publish({"type": "FeatureCollection", "features": features})
    return f"104001{number:08X}00"


def trigger(store=None, **arguments):
    wanted = {"bbox": BBOX, "poke_interval": 1, "lookback": timedelta(days=60)}
    made = ArdNewImageryTrigger(**(wanted | arguments))
    made.asset_state_store = store
    return made


def looks(ard):
    return sum(one.endpoint == "POST /metadata/cells/acquisitions" and one.status is not None for one in ard.requests)


class Watch:
    """A running trigger, as a triggerer runs it."""

    def __init__(self, ard, one):
        self.ard, self.events = ard, []
        self._task = asyncio.create_task(self._run(one))

    async def _run(self, one):
        async for event in one.run():
            self.events.append(event.payload)

    async def looked(self, times=3):
        """Return when it has looked so often again: an event of the first look is settled by then."""
        seen = looks(self.ard)
        while looks(self.ard) < seen + times:
            assert not self._task.done(), self._task
            await asyncio.sleep(0.005)

    async def kill(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def until(holds):
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def ids(events):
    return [event["acquisition_id"] for event in events]


def test_what_is_there_is_not_new_and_what_is_published_fires_once(ard, quick):
    async def scene():
        watch = Watch(ard, trigger(Store()))
        await watch.looked()
        assert watch.events == []
        published = [publish(ard, 1)]
        await watch.looked()
        # Published late, with an older date.
        published += [publish(ard, 2, NOW - timedelta(days=40))]
        await watch.looked()
        await watch.kill()
        return published, watch.events

    published, events = asyncio.run(scene())
    assert ids(events) == published
    assert events[0]["date"] == f"{NOW:%Y-%m-%d}"
    assert events[0]["repeated"] is False
    assert json.loads(json.dumps(events)) == events


def test_an_event_is_what_an_order_takes(ard, quick, context):
    async def scene():
        watch = Watch(ard, trigger(Store()))
        await watch.looked()
        publish(ard, 1)
        await watch.looked()
        await watch.kill()
        return watch.events

    events = [happened(payload) for payload in asyncio.run(scene())]
    (acquisition,) = new_acquisitions({"asset": events})
    ArdOrderOperator(task_id="order", acquisitions=acquisition, destination="bkt/p").execute(context)
    assert {tile.cell_id for tile in ard.orders[0].tiles} == set(acquisition["cells"])


@pytest.mark.parametrize("make_store", [Store, BlockingStore])
def test_a_restart_fires_what_came_meanwhile_and_nothing_again(ard, quick, make_store):
    async def scene():
        store, events, published = make_store(), [], []
        for number in range(1, 4):
            watch = Watch(ard, trigger(store))
            await watch.looked()
            await watch.kill()
            events += watch.events
            published.append(publish(ard, number))
        watch = Watch(ard, trigger(store))
        await watch.looked()
        await watch.kill()
        return events + watch.events, published

    events, published = asyncio.run(scene())
    assert ids(events) == published
    assert not any(event["repeated"] for event in events)


def test_who_dies_within_a_moment_of_firing_fires_again_and_says_so(ard, quick, monkeypatch):
    async def scene():
        store = Store()
        watch = Watch(ard, trigger(store))
        await watch.looked()
        # For longer than the test: it dies before it knows that its event has arrived.
        with monkeypatch.context() as patch:
            patch.setattr("airflow_provider_ard.triggers.imagery.SETTLE_S", 3600)
            publish(ard, 1)
            await until(lambda: watch.events)
            await watch.kill()
        again = Watch(ard, trigger(store))
        await until(lambda: again.events)
        await again.looked()
        await again.kill()
        return watch.events + again.events

    events = asyncio.run(scene())
    assert [event["repeated"] for event in events] == [False, True]
    assert len(set(ids(events))) == 1


def test_it_asks_for_more_than_the_best_few_of_each_cell(ard, quick):
    async def scene():
        watch = Watch(ard, trigger(Store()))
        await watch.looked()
        await watch.kill()
        return next(one for one in ard.requests if one.endpoint == "POST /metadata/cells/acquisitions")

    assert asyncio.run(scene()).body["stack_depth"] == 100


def test_without_a_store_it_says_so_once(ard, quick, log_text):
    async def scene(store):
        watch = Watch(ard, trigger(store))
        await watch.looked()
        await watch.kill()

    asyncio.run(scene(Store()))
    assert "Before Airflow 3.3" not in log_text()
    asyncio.run(scene(None))
    assert log_text().count("Before Airflow 3.3") == 1


def test_without_a_store_it_remembers_for_as_long_as_it_runs(ard, quick):
    async def scene():
        events = []
        for number in (1, 2):
            watch = Watch(ard, trigger())
            await watch.looked()
            publish(ard, number)
            await watch.looked()
            await watch.kill()
            events += watch.events
        return events

    assert ids(asyncio.run(scene())) == ["1040010000000100", "1040010000000200"]


def test_without_a_store_a_window_is_fired_anew_at_each_start_and_what_had_arrived_is_dropped(ard, quick):
    async def scene():
        events = []
        for number in (1, 2):
            # Published while no watch runs.
            publish(ard, number)
            watch = Watch(ard, trigger(fire_existing=True, lookback=timedelta(days=10)))
            await watch.looked()
            await watch.kill()
            events.append(watch.events)
        return events

    first, second = asyncio.run(scene())
    assert ids(first) == ["1040010000000100"]
    assert ids(second) == ["1040010000000100", "1040010000000200"]
    assert all(event["repeated"] for event in (*first, *second))
    runs = [[happened(event, NOW + timedelta(days=day)) for event in some] for day, some in enumerate((first, second))]
    history = {"asset": [*runs[0], *runs[1]]}
    ordered = [[one["id"] for one in new_acquisitions({"asset": some}, history)] for some in runs]
    assert ordered == [["1040010000000100"], ["1040010000000200"]]


def test_it_fires_for_what_is_there_if_it_is_told_to(ard, quick):
    async def scene():
        store = Store()
        watch = Watch(ard, trigger(store, fire_existing=True, lookback=3650 * 86_400))
        await watch.looked()
        await watch.kill()
        again = Watch(ard, trigger(store, fire_existing=True, lookback=3650 * 86_400))
        await again.looked()
        await again.kill()
        return watch.events, again.events

    first, second = asyncio.run(scene())
    assert len(first) == 10
    assert [event["datetime"] for event in first] == sorted(event["datetime"] for event in first)
    assert second == []


def test_the_query_and_the_window_are_heeded(ard, quick):
    async def scene():
        watch = Watch(ard, trigger(Store(), query={"platform": {"eq": "worldview-04"}}))
        narrow = Watch(ard, trigger(Store(), lookback=86_400))
        await watch.looked(6)
        publish(ard, 1, NOW - timedelta(days=5))
        await watch.looked(6)
        await watch.kill()
        await narrow.kill()
        return watch.events + narrow.events

    assert asyncio.run(scene()) == []


def test_assets_that_share_a_trigger_share_what_it_has_seen(ard, quick):
    context = pytest.importorskip("airflow.sdk.execution_time.context")
    if not hasattr(context, "AssetStateStoreAccessors"):
        pytest.skip("there is no asset state store before Airflow 3.3")
    both = context.AssetStateStoreAccessors(inlets=[Asset("one"), Asset("two")])
    stores = {name: Store() for name in both._by_name}
    both._by_name = stores

    async def scene():
        watch = Watch(ard, trigger(both))
        await watch.looked()
        publish(ard, 1)
        await watch.looked()
        await watch.kill()
        return watch.events

    assert len(asyncio.run(scene())) == 1
    assert stores["one"].kept == stores["two"].kept != {}


def test_an_outage_does_not_end_it_and_is_told_once(ard, quick, log_text):
    async def scene():
        watch = Watch(ard, trigger(Store()))
        await watch.looked()
        ard.faults.add("POST /metadata/*", kind="status", status=503, times=3)
        ard.faults.add("POST /metadata/*", kind="status", status=429, retry_after=70, nth=4)
        await watch.looked(5)
        publish(ard, 1)
        await watch.looked()
        await watch.kill()
        return watch.events

    assert len(asyncio.run(scene())) == 1
    assert 70 in quick
    assert log_text("warning").count("Polling failed, will retry") == 1


@pytest.mark.parametrize("wrong", [{"bbox": [1, 2, 3]}, {"query": {"platform": "worldview-02"}}], ids=str)
def test_what_cannot_be_looked_for_is_told_without_a_storm(ard, quick, wrong):
    async def scene():
        watch = Watch(ard, trigger(Store(), **wrong))
        await until(lambda: quick.count(1) >= 3)
        assert not watch._task.done()
        await watch.kill()

    asyncio.run(scene())
    assert ard.requests == []


def test_a_store_that_cannot_be_written_to_fires_nothing_until_it_can(ard, quick):
    async def scene():
        store = Store()
        watch = Watch(ard, trigger(store))
        await watch.looked()
        store.broken = True
        publish(ard, 1)
        await watch.looked()
        assert watch.events == []
        store.broken = False
        await watch.looked()
        await watch.kill()
        return watch.events

    assert [event["repeated"] for event in asyncio.run(scene())] == [False]


def test_what_is_remembered_is_bounded_by_the_window():
    from airflow_provider_ard.api.selects.results import AcquisitionMatch

    async def scene():
        store = Store()
        state = ImageryState("key", store)
        await state.load()
        await state.claim([AcquisitionMatch("old", "2026-01-01T00:00:00Z", ()), AcquisitionMatch("new", "2026-03-01", ())], fire_existing=False, oldest=date(2026, 1, 1))  # fmt: skip
        assert await state.claim([], fire_existing=False, oldest=date(2026, 2, 1)) == []
        return json.loads(store.kept["key"])

    assert asyncio.run(scene()) == {"fired": {"2026-03-01": ["new"]}, "claimed": {}}


def test_it_is_plain_json_and_of_an_asset_watcher():
    one = trigger(bbox=None, intersects=shapely.box(*BBOX), query={"eo:cloud_cover": {"in": (1, 2)}})
    path, arguments = one.serialize()
    assert path == "airflow_provider_ard.triggers.imagery.ArdNewImageryTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert ArdNewImageryTrigger(**arguments).serialize() == (path, arguments)
    assert AssetWatcher(name="area", trigger=one).trigger is one
    # Airflow tells watchers apart by this, in the DAG file and in its database.
    assert one.hash(path, arguments) == one.hash(path, json.loads(json.dumps(arguments)))


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
def test_what_cannot_go_to_the_triggerer_is_refused_in_the_dag_file(argument, wrong):
    with pytest.raises(ArdRequestError, match=argument):
        ArdNewImageryTrigger(**{"bbox": BBOX, argument: wrong})


def test_before_airflow_3_it_says_what_it_needs(monkeypatch):
    monkeypatch.delattr(airflow.triggers.base, "BaseEventTrigger")
    with pytest.raises(ArdRequestError, match=r"Airflow 3\.0"):
        ArdNewImageryTrigger(bbox=BBOX)


def happened(payload, at=NOW):
    return SimpleNamespace(extra={"from_trigger": True, "payload": payload}, timestamp=at)


def test_a_run_of_several_events_orders_each_acquisition_once():
    events = [happened({"acquisition_id": name, "cells": ["c"], "repeated": False}) for name in ("a", "b", "a")]
    other = SimpleNamespace(extra={}, timestamp=NOW)
    assert new_acquisitions({"asset": [*events, other]}) == [{"id": "a", "cells": ["c"]}, {"id": "b", "cells": ["c"]}]


def test_what_was_fired_again_is_dropped_if_it_had_arrived():
    first = happened({"acquisition_id": "a", "cells": ["c"], "repeated": False})
    again = happened({"acquisition_id": "a", "cells": ["c"], "repeated": True}, NOW + timedelta(minutes=1))
    assert new_acquisitions({"asset": [again]}, {"asset": [first, again]}) == []
    assert new_acquisitions({"asset": [again]}, {"asset": [again]}) == [{"id": "a", "cells": ["c"]}]
    assert new_acquisitions({"asset": [again]}) == [{"id": "a", "cells": ["c"]}]
    with pytest.raises(ArdRequestError, match="inlets"):
        new_acquisitions({"asset": [again]}, {})
