from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.triggers.imagery import new_acquisitions
from tests.unit.triggers.imagery.conftest import NOW, RunningTrigger, Store, ids, publish, stored_event, trigger

pytest.importorskip("airflow.sdk", reason="Airflow 2 has no asset watchers; see test_airflow2.py")


def test_only_published_acquisition_fires_and_once(ard, short_sleeps):
    async def scenario():
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

    published, events = asyncio.run(scenario())
    assert ids(events) == published
    assert events[0]["date"] == f"{NOW:%Y-%m-%d}"
    assert events[0]["repeated"] is False
    assert json.loads(json.dumps(events)) == events


def test_event_converts_to_the_argument_of_an_order(ard, short_sleeps, context):
    async def scenario():
        running = RunningTrigger(ard, trigger(Store()))
        await running.searched()
        publish(ard, 1)
        await running.searched()
        await running.kill()
        return running.events

    events = [stored_event(payload) for payload in asyncio.run(scenario())]
    (acquisition,) = new_acquisitions({"asset": events})
    ArdOrderOperator(task_id="order", acquisitions=acquisition, destination="bkt/p").execute(context)
    assert {tile.cell_id for tile in ard.orders[0].tiles} == set(acquisition["cells"])


def test_search_has_a_large_stack_depth(ard, short_sleeps):
    async def scenario():
        running = RunningTrigger(ard, trigger(Store()))
        await running.searched()
        await running.kill()
        return next(request for request in ard.requests if request.endpoint == "POST /metadata/cells/acquisitions")

    assert asyncio.run(scenario()).body["stack_depth"] == 100


def test_existing_imagery_fires_as_repeated_without_a_store(ard, short_sleeps):
    async def scenario():
        events = []
        for number in (1, 2):
            # Published while no trigger runs.
            publish(ard, number)
            running = RunningTrigger(ard, trigger(fire_existing=True, lookback=timedelta(days=10)))
            await running.searched()
            await running.kill()
            events.append(running.events)
        return events

    first, second = asyncio.run(scenario())
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
    async def scenario():
        store = Store()
        running = RunningTrigger(ard, trigger(store, fire_existing=True, lookback=3650 * 86_400))
        await running.searched()
        await running.kill()
        again = RunningTrigger(ard, trigger(store, fire_existing=True, lookback=3650 * 86_400))
        await again.searched()
        await again.kill()
        return running.events, again.events

    first, second = asyncio.run(scenario())
    assert len(first) == 10
    assert [event["datetime"] for event in first] == sorted(event["datetime"] for event in first)
    assert second == []


def test_query_and_lookback_are_applied(ard, short_sleeps):
    async def scenario():
        running = RunningTrigger(ard, trigger(Store(), query={"platform": {"eq": "worldview-04"}}))
        narrow = RunningTrigger(ard, trigger(Store(), lookback=86_400))
        await running.searched(6)
        publish(ard, 1, NOW - timedelta(days=5))
        await running.searched(6)
        await running.kill()
        await narrow.kill()
        return running.events + narrow.events

    assert asyncio.run(scenario()) == []


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
