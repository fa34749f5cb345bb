from __future__ import annotations

import asyncio
import time

import pytest

from airflow_provider_ard.triggers import budget
from airflow_provider_ard.triggers.budget import ArdBudgetTrigger


async def events_of(trigger):
    return [event.payload async for event in trigger.run()]


@pytest.mark.parametrize("seconds", [-5.0, 0.3])
def test_fires_at_its_time(seconds):
    started = time.monotonic()
    assert asyncio.run(events_of(ArdBudgetTrigger(time.time() + seconds))) == [{"status": "succeeded"}]
    assert time.monotonic() - started == pytest.approx(max(0.0, seconds), abs=0.25)


def test_clock_that_is_set_ends_the_wait(monkeypatch):
    monkeypatch.setattr(budget, "LONGEST_SLEEP_S", 0.05)
    trigger = ArdBudgetTrigger(time.time() + 3600)
    times = iter([0.0, 0.0, 3601.0])
    now = time.time()
    monkeypatch.setattr(budget.time, "time", lambda: now + next(times))
    assert asyncio.run(asyncio.wait_for(events_of(trigger), 5)) == [{"status": "succeeded"}]


def test_stored_arguments_are_its_time_only():
    path, arguments = ArdBudgetTrigger(2e9).serialize()
    assert path == "airflow_provider_ard.triggers.budget.ArdBudgetTrigger"
    assert arguments == {"resume_at": 2e9}
