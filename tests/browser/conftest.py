"""Airflow with the sandbox and a real S3 server, and a browser on it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from demo.standalone import REPOSITORY, USER, StandaloneAirflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox import Sandbox

QUICKSTART = "ard_order_to_tiles"


@dataclass(frozen=True)
class Stack:
    """All that is running, and the users' passwords."""

    airflow: StandaloneAirflow
    ard: Sandbox
    passwords: dict[str, str]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    from airflow_provider_ard.sandbox import Sandbox
    from demo.storage import S3Server

    folder = tmp_path_factory.mktemp("browser")
    (folder / "dags").mkdir()
    shutil.copy(REPOSITORY / "dags_examples" / f"{QUICKSTART}.py", folder / "dags")
    with (
        S3Server("ard-demo") as s3,
        Sandbox(order_duration="1d", storage="s3", s3_endpoint=s3.url, pixels=64) as ard,
    ):
        env = {
            # The Connection to the ARD API is added in the form.
            "AIRFLOW_CONN_AWS_DEFAULT": s3.connection_json,
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,op:op,viewer:viewer",
        }
        with StandaloneAirflow(folder / "airflow", folder / "dags", env=env) as airflow:
            airflow.wait_for_dag(QUICKSTART)
            passwords = json.loads((airflow.home / "simple_auth_manager_passwords.json.generated").read_text())
            yield Stack(airflow, ard, passwords)


@pytest.fixture(scope="session")
def browser():
    from demo.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def page(browser, stack, tmp_path_factory):
    """A window of the administrator's; what it showed last is kept beside the logs."""
    from demo.browser import window

    with window(browser, stack.airflow.url, USER, stack.passwords[USER]) as page:
        try:
            yield page
        finally:
            page.screenshot(path=tmp_path_factory.getbasetemp() / "last-seen.png")
