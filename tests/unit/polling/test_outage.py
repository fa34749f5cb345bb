from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdNotFoundError, ArdUnavailableError
from airflow_provider_ard.polling.outage import MAX_BACKOFF_S, OutageTracker


@pytest.fixture
def reported():
    return []


@pytest.fixture
def outages(reported):
    return OutageTracker(reported.append)


def fail(outages, *, retry_after=None):
    error = ArdUnavailableError("HTTP status 503", retry_after=retry_after)
    with outages.tolerate():
        raise error
    return error


def succeed(outages):
    with outages.tolerate():
        pass


def test_each_outage_is_reported_once(outages, reported):
    first = fail(outages)
    fail(outages)
    succeed(outages)
    second = fail(outages)
    assert reported == [first, second]
    assert outages.error is second


def test_resumed_outage_is_not_reported_again(reported):
    outages = OutageTracker(reported.append, in_outage=True)
    fail(outages)
    assert reported == []
    succeed(outages)
    assert not outages.in_outage


def test_outage_reported_by_the_caller_is_not_reported_again(outages, reported):
    outages.poll_failed(ArdUnavailableError("down"), is_new=False)
    assert reported == []
    assert outages.backoff() >= 0


def test_other_errors_are_raised(outages, reported):
    with pytest.raises(ArdNotFoundError), outages.tolerate():
        raise ArdNotFoundError("no such order")
    assert reported == []


def test_retry_after_is_honored_once(outages):
    assert outages.delay(60) == 60
    fail(outages, retry_after=300)
    assert (outages.delay(60), outages.delay(600), outages.backoff()) == (300, 600, 300)
    with pytest.raises(ArdNotFoundError), outages.tolerate():
        raise ArdNotFoundError("no such order")
    assert outages.delay(60) == 60


def test_backoff_is_jittered_and_bounded(outages, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda least, most: most)
    assert outages.backoff() == 0
    backoffs = []
    for _ in range(12):
        fail(outages)
        backoffs.append(outages.backoff())
    assert backoffs[:7] == [1, 2, 4, 8, 16, 32, MAX_BACKOFF_S]
    assert backoffs[-1] == MAX_BACKOFF_S
    succeed(outages)
    assert outages.backoff() == 0
