from __future__ import annotations

import asyncio
import json
from datetime import date

import pytest

from airflow_provider_ard.polling.imagery_state import ImageryState
from tests.unit.triggers.imagery.conftest import BlockingStore, RunningTrigger, Store, ids, publish, trigger, until

sdk = pytest.importorskip("airflow.sdk", reason="Airflow 2 has no asset watchers; see test_airflow2.py")


@pytest.mark.parametrize("make_store", [Store, BlockingStore])
def test_restart_fires_only_newly_published_acquisitions(ard, short_sleeps, make_store):
    async def scenario():
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

    events, published = asyncio.run(scenario())
    assert ids(events) == published
    assert not any(event["repeated"] for event in events)


def test_trigger_killed_while_firing_fires_again_as_repeated(ard, short_sleeps, monkeypatch):
    async def scenario():
        store = Store()
        running = RunningTrigger(ard, trigger(store))
        await running.searched()
        # Killed before it confirms the event, because this exceeds the duration of the test.
        with monkeypatch.context() as patch:
            patch.setattr("airflow_provider_ard.triggers.imagery.EVENT_STORE_DELAY_S", 3600)
            publish(ard, 1)
            await until(lambda: running.events)
            await running.kill()
        again = RunningTrigger(ard, trigger(store))
        await until(lambda: again.events)
        await again.searched()
        await again.kill()
        return running.events + again.events

    events = asyncio.run(scenario())
    assert [event["repeated"] for event in events] == [False, True]
    assert len(set(ids(events))) == 1


def test_missing_store_is_logged_once(ard, short_sleeps, log_text):
    async def scenario(store):
        running = RunningTrigger(ard, trigger(store))
        await running.searched()
        await running.kill()

    asyncio.run(scenario(Store()))
    assert "Airflow before 3.3" not in log_text()
    asyncio.run(scenario(None))
    assert log_text().count("Airflow before 3.3") == 1


def test_state_is_kept_in_memory_without_a_store(ard, short_sleeps):
    async def scenario():
        events = []
        for number in (1, 2):
            running = RunningTrigger(ard, trigger())
            await running.searched()
            publish(ard, number)
            await running.searched()
            await running.kill()
            events += running.events
        return events

    assert ids(asyncio.run(scenario())) == ["1040010000000100", "1040010000000200"]


def test_assets_that_share_a_trigger_share_its_state(ard, short_sleeps):
    context = pytest.importorskip("airflow.sdk.execution_time.context")
    if not hasattr(context, "AssetStateStoreAccessors"):
        pytest.skip("there is no asset state store before Airflow 3.3")
    accessors = context.AssetStateStoreAccessors(inlets=[sdk.Asset("first"), sdk.Asset("second")])
    stores = {name: Store() for name in accessors._by_name}
    accessors._by_name = stores

    async def scenario():
        running = RunningTrigger(ard, trigger(accessors))
        await running.searched()
        publish(ard, 1)
        await running.searched()
        await running.kill()
        return running.events

    assert len(asyncio.run(scenario())) == 1
    assert stores["first"].values == stores["second"].values != {}


def test_trigger_survives_outage_and_logs_it_once(ard, short_sleeps, log_text):
    async def scenario():
        running = RunningTrigger(ard, trigger(Store()))
        await running.searched()
        ard.faults.add("POST /metadata/*", kind="status", status=503, times=3)
        ard.faults.add("POST /metadata/*", kind="status", status=429, retry_after=70, nth=4)
        await running.searched(5)
        publish(ard, 1)
        await running.searched()
        await running.kill()
        return running.events

    assert len(asyncio.run(scenario())) == 1
    assert 70 in short_sleeps
    assert log_text("warning").count("Polling failed, will retry") == 1


@pytest.mark.parametrize("content", [None, "POINT (0 0)"])
def test_invalid_aoi_file_is_retried_at_the_interval(ard, short_sleeps, tmp_path, content):
    if content is not None:
        (tmp_path / "aoi.wkt").write_text(content)

    async def scenario():
        running = RunningTrigger(ard, trigger(Store(), intersects=str(tmp_path / "aoi.wkt")))
        await until(lambda: short_sleeps.count(1) >= 3)
        assert not running._task.done()
        await running.kill()

    asyncio.run(scenario())
    assert ard.requests == []


def test_nothing_fires_while_the_store_cannot_be_written(ard, short_sleeps):
    async def scenario():
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

    assert [event["repeated"] for event in asyncio.run(scenario())] == [False]


def test_stored_state_is_bounded_by_lookback():
    from airflow_provider_ard.api.selects.results import AcquisitionMatch

    async def scenario():
        store = Store()
        state = ImageryState("key", store)
        await state.load()
        await state.claim([AcquisitionMatch("old", "2026-01-01T00:00:00Z", ()), AcquisitionMatch("new", "2026-03-01", ())], fire_existing=False, oldest=date(2026, 1, 1))  # fmt: skip
        assert await state.claim([], fire_existing=False, oldest=date(2026, 2, 1)) == []
        return json.loads(store.values["key"])

    assert asyncio.run(scenario()) == {"fired": {"2026-03-01": ["new"]}, "claimed": {}}
