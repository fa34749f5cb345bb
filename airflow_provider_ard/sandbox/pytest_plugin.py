"""The pytest plugin: a fixture `ard_sandbox` for every project that has this package installed."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox.server import Sandbox

MARKER = "ard_sandbox(**options): arguments of Sandbox for the ard_sandbox fixture"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for `--strict-markers`."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def ard_sandbox(request: pytest.FixtureRequest) -> "Iterator[Sandbox]":
    """Return a running sandbox of the test's own, whose orders end at once and deliver nothing.

    `@pytest.mark.ard_sandbox(order_duration="3d", storage=...)` gives it other arguments of `Sandbox`; those of
    the test win over those of its class, and these over those of its module.
    """
    try:
        from airflow_provider_ard.sandbox.server import Sandbox
    except ModuleNotFoundError as error:
        pytest.fail(f"ard_sandbox needs airflow-provider-ard[sandbox]: {error}", pytrace=False)
    options: dict[str, object] = {"order_duration": 0}
    for marker in reversed(list(request.node.iter_markers("ard_sandbox"))):
        options |= marker.kwargs
    with Sandbox(**options) as sandbox:  # type: ignore[arg-type]
        yield sandbox
