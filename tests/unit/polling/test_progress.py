from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdError, ArdOrderFailed
from airflow_provider_ard.api.orders.status import OrderStatus
from airflow_provider_ard.polling import progress as progress_module
from airflow_provider_ard.polling.progress import WaitProgress, format_duration


class Clock:
    now = 1_000_000.0

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def status(order_id, value, **fields):
    return OrderStatus(id=order_id, status=value, **fields)


def test_changes_are_logged_and_an_unchanged_status_once_an_hour(clock):
    progress, lines = WaitProgress(["1"]), []
    for _ in range(3 * 60 + 1):
        progress.update(status("1", "RUNNING"), lines.append)
        clock.now += 60
    progress.update(status("1", "SUCCEEDED"), lines.append)
    assert lines == [
        "Order 1: RUNNING",
        "Order 1: still RUNNING after 1 h 0 min",
        "Order 1: still RUNNING after 2 h 0 min",
        "Order 1: still RUNNING after 3 h 0 min",
        "Order 1: RUNNING -> SUCCEEDED after 3 h 1 min",
    ]
    assert not progress.pending
    assert progress.reports()[0]["order_id"] == "1"


def test_wait_continues_in_another_process(clock):
    progress, lines = WaitProgress(["1", "2"]), []
    for order_id in ("1", "2"):
        progress.update(status(order_id, "RUNNING"), lines.append)
    resumed = WaitProgress(["1", "2"], progress.started_at, log_state=progress.log_state)
    clock.now += 3599
    resumed.update(status("1", "RUNNING"), lines.append)
    assert len(lines) == 2
    clock.now += 1
    resumed.update(status("1", "RUNNING"), lines.append)
    assert lines[2:] == ["2 of 2 orders pending after 1 h 0 min"]


@pytest.mark.parametrize(("value", "error"), [("FAILED", ArdOrderFailed), ("ERROR", ArdOrderFailed), ("", ArdError)])
def test_status_that_ends_the_wait_is_logged_and_raised(value, error):
    progress, lines = WaitProgress(["1"], logged_status="RUNNING"), []
    with pytest.raises(error) as caught:
        progress.update(status("1", value, status_message="no imagery"), lines.append)
    assert type(caught.value) is error
    assert caught.value.order_id == "1"
    assert lines == [f"Order 1: RUNNING -> {value} after 0 s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (3 * 3600 + 125, "3 h 2 min"), (27 * 3600, "1 d 3 h")],
)
def test_durations_have_two_units_at_most(seconds, text):
    assert format_duration(seconds) == text
