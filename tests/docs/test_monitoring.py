"""The callbacks and the names of metrics on the page about monitoring."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import airflow
import pytest
from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from airflow_provider_ard.exceptions import ArdAuthError, ArdBudgetExceeded, ArdError, ArdOrderFailed
from tests.docs.markdown import REPOSITORY, blocks

PAGE = REPOSITORY / "docs" / "monitoring.md"


def context(error: Exception) -> dict[str, Any]:
    return {"exception": error, "task_instance": SimpleNamespace(task_id="order")}


@pytest.fixture
def callbacks() -> dict[str, Any]:
    """The functions in the code blocks of the page."""
    names: dict[str, Any] = {}
    for block in blocks("python"):
        if block.path == PAGE:
            code, _, _ = block.code.partition("\nalerts = ")
            exec(compile(code, str(PAGE), "exec"), names)
    return names


def test_message_depends_on_the_error(callbacks: dict[str, Any]) -> None:
    message_of = callbacks["message_of"]
    errors = [
        ArdBudgetExceeded("a"),
        ArdOrderFailed("b", order_id="17"),
        ArdAuthError("c"),
        ArdError("d"),
        ValueError("e"),
    ]
    messages = [message_of(context(error)) for error in errors]
    assert len({message.split()[0] for message in messages[:3]}) == 3
    assert "17" in messages[1]
    assert messages[3:] == ["order: d", "order: e"]


def test_email_has_the_message(callbacks: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    monkeypatch.setattr(SmtpNotifier, "notify", lambda notifier, _: sent.append(notifier.html_content))
    callbacks["notify"](context(ArdError("no imagery")))
    assert sent == ["order: no imagery"]


def test_metrics_are_those_of_airflow() -> None:
    [template] = Path(airflow.__file__).parent.glob("_shared/**/metrics_template.yaml")
    names = re.findall(r"`((?:triggers|triggerer)\.[a-z_]+|ti_[a-z_]+)`", PAGE.read_text())
    assert len(names) == 3
    assert [name for name in names if f'"{name}"' not in template.read_text()] == []
