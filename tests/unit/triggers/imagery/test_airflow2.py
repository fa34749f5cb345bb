from __future__ import annotations

import airflow.triggers.base
import pytest

from airflow_provider_ard.exceptions import ArdRequestError
from airflow_provider_ard.triggers.imagery import ArdNewImageryTrigger


def test_error_in_airflow_2_names_the_required_version(monkeypatch):
    monkeypatch.delattr(airflow.triggers.base, "BaseEventTrigger", raising=False)
    with pytest.raises(ArdRequestError, match=r"needs Airflow 3\.0"):
        ArdNewImageryTrigger(bbox=[-105.2, 40.1, -105.0, 40.25])
