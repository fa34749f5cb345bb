import subprocess
import sys

import pytest
import requests


def test_fixture_is_available(ard_sandbox):
    assert requests.get(f"{ard_sandbox.url}/api/v1/auth/self", timeout=9).status_code == 401


@pytest.mark.ard_sandbox(order_duration="3d", seed=5)
def test_marker_sets_arguments(ard_sandbox):
    assert ard_sandbox.settings.order_duration == 3 * 86400
    assert ard_sandbox.settings.seed == 5


def test_plugin_imports_no_heavy_modules():
    code = (
        "import sys; import airflow_provider_ard.sandbox.pytest_plugin\n"
        "assert not {'fastapi', 'rasterio', 'airflow', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
