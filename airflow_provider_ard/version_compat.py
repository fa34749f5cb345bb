"""Imports that differ between Airflow versions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["BaseEventTrigger", "OperatorPartial", "mask_secret", "redact"]


def _import_first(*candidates: str) -> Any:
    """Return the first of several `module:name` that exists."""
    for candidate in candidates:
        module, _, name = candidate.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"none of these exists: {', '.join(candidates)}")


if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import mask_secret, redact
    from airflow.sdk.definitions.mappedoperator import OperatorPartial
    from airflow.triggers.base import BaseEventTrigger
else:
    # In common-compat since 1.22.
    mask_secret = _import_first(
        "airflow.sdk.log:mask_secret",
        "airflow.sdk.execution_time.secrets_masker:mask_secret",
        "airflow.utils.log.secrets_masker:mask_secret",
    )
    redact = _import_first(
        "airflow.sdk.log:redact",
        "airflow.sdk.execution_time.secrets_masker:redact",
        "airflow.utils.log.secrets_masker:redact",
    )
    OperatorPartial = _import_first(
        "airflow.sdk.definitions.mappedoperator:OperatorPartial", "airflow.models.mappedoperator:OperatorPartial"
    )
    # In common-compat since 1.19. Airflow 2 has no asset watchers; a trigger for one can still be imported there.
    BaseEventTrigger = _import_first("airflow.triggers.base:BaseEventTrigger", "airflow.triggers.base:BaseTrigger")
