from __future__ import annotations

from airflow_provider_ard.polling.schedule import PollSchedule


def test_exponential_backoff_doubles_the_interval_up_to_max_wait():
    schedule = PollSchedule(10.0, exponential_backoff=True, max_wait=50.0)
    now, gaps = 1000.0, []
    for _ in range(6):
        next_poll_at = schedule.next_poll_at(now, origin=0.0)
        schedule.back_off()
        gaps.append(next_poll_at - now)
        now = next_poll_at
    assert gaps == [10, 10, 20, 10, 50, 50]
    assert schedule.interval == 50.0


def test_equal_intervals_share_their_polls():
    assert {PollSchedule(60.0).next_poll_at(now, origin=7.0) for now in (67.0, 80.0, 126.9)} == {127.0}


def test_interval_is_at_least_a_second():
    assert PollSchedule(0.0).interval == 1.0
