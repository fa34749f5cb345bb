"""Triggers stored by another version of this package."""

from __future__ import annotations

import pytest

from airflow_provider_ard.triggers.budget import ArdBudgetTrigger
from airflow_provider_ard.triggers.order import ArdOrderTrigger
from airflow_provider_ard.triggers.select import ArdSelectTrigger

TRIGGERS = [
    ArdBudgetTrigger(2e9),
    ArdOrderTrigger(["1"]),
    ArdSelectTrigger("1", "ard_default", 10.0, 2e9),
]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: type(trigger).__name__)
def test_arguments_of_a_newer_version_are_ignored_with_a_warning(trigger, caplog):
    _, arguments = trigger.serialize()
    stored = type(trigger)(**arguments, of_a_newer_version=1)
    assert stored.serialize() == trigger.serialize()
    assert "of_a_newer_version" in caplog.text


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: type(trigger).__name__)
def test_known_arguments_cause_no_warning(trigger, caplog):
    type(trigger)(**trigger.serialize()[1])
    assert caplog.text == ""


def test_imagery_trigger_rejects_unknown_argument():
    """Ignoring an unknown filter would fire for unwanted imagery, which runs may order."""
    imagery = pytest.importorskip("airflow_provider_ard.triggers.imagery")
    with pytest.raises(TypeError):
        imagery.ArdNewImageryTrigger(bbox=[0, 0, 1, 1], max_cloud_cover=10)
