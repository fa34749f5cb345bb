import subprocess
import sys

import pytest
import requests


def test_the_fixture_is_there_for_every_project(ard_sandbox):
    assert requests.get(f"{ard_sandbox.url}/api/v1/auth/self", timeout=9).status_code == 401


@pytest.mark.ard_sandbox(order_duration="3d", seed=5)
def test_a_marker_gives_it_arguments(ard_sandbox):
    assert ard_sandbox.settings.order_duration == 3 * 86400
    assert ard_sandbox.settings.seed == 5


def test_it_stays_light_until_it_is_used():
    code = (
        "import sys; import airflow_provider_ard.sandbox.pytest_plugin\n"
        "assert not {'fastapi', 'rasterio', 'airflow', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
