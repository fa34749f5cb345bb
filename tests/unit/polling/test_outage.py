from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdAuthError, ArdNotFoundError, ArdUnavailableError
from airflow_provider_ard.api.refusal import REFUSAL_GRACE_S
from airflow_provider_ard.polling.outage import MAX_BACKOFF_S, MAX_RETRY_AFTER_S, OutageTracker


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


def test_long_retry_after_is_capped(outages):
    fail(outages, retry_after=6 * 3600)
    assert (outages.delay(60), outages.backoff(), outages.retry_after) == (MAX_RETRY_AFTER_S,) * 3


def refuse(outages, error):
    with outages.tolerate():
        raise error


def test_temporary_refusal_is_an_outage(outages, reported, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("airflow_provider_ard.api.refusal.time.monotonic", lambda: now[0])
    error = ArdAuthError("wrong password", status=401)
    for now[0] in (0.0, 1.0, 2.0, REFUSAL_GRACE_S - 1):
        refuse(outages, error)
    assert outages.is_refused
    assert len(reported) == 1
    # Ever more slowly, so that the account is not locked.
    assert outages.delay(1.0) == 8.0
    now[0] = REFUSAL_GRACE_S
    with pytest.raises(ArdAuthError):
        refuse(outages, error)


def test_response_ends_a_refusal(outages, reported, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("airflow_provider_ard.api.refusal.time.monotonic", lambda: now[0])
    for _ in range(3):
        refuse(outages, ArdNotFoundError("unknown", status=404))
        now[0] += REFUSAL_GRACE_S
        succeed(outages)
    assert len(reported) == 3
    assert not outages.is_refused
