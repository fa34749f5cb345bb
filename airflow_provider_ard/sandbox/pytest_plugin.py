"""pytest plugin with the fixture `ard_sandbox`, available in every project that installs this package."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_ard.sandbox.server import Sandbox

MARKER = "ard_sandbox(**options): arguments of Sandbox for the ard_sandbox fixture"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for `--strict-markers`."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def ard_sandbox(request: pytest.FixtureRequest) -> "Iterator[Sandbox]":
    """Return a running sandbox for this test, whose orders succeed immediately without delivering.

    `@pytest.mark.ard_sandbox(order_duration="3d", storage=...)` sets arguments of `Sandbox`; markers of the test
    override those of its class, which override those of its module.
    """
    try:
        from airflow_provider_ard.sandbox.server import Sandbox
    except ModuleNotFoundError as error:
        pytest.fail(f"ard_sandbox requires airflow-provider-ard[sandbox]: {error}", pytrace=False)
    options: dict[str, object] = {"order_duration": 0}
    for marker in reversed(list(request.node.iter_markers("ard_sandbox"))):
        options |= marker.kwargs
    with Sandbox(**options) as sandbox:  # type: ignore[arg-type]
        yield sandbox
