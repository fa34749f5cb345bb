"""Names whose location differs between Airflow 2.11 and 3.3; the only module that knows the locations.

    from airflow_provider_ard.version_compat import BaseOperator

A name is imported on its first use, as a DAG file needs few of them. The common compat provider has most
of these names, but managed services pin versions of it that have none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowRescheduleException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "Asset",
    "AssetAlias",
    "BaseEventTrigger",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "ObjectStoragePath",
    "OperatorPartial",
    "PokeReturnValue",
    "XCom",
    "conf",
    "import_first",
    "mask_secret",
    "redact",
]


def import_first(*candidates: str) -> Any:
    """Return the first of several `module:name` that exists; raise ImportError if none does."""
    for candidate in candidates:
        module, _, name = candidate.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"none of these exists: {', '.join(candidates)}")


if TYPE_CHECKING:
    from airflow.sdk import (
        Asset,
        AssetAlias,
        BaseHook,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Connection,
        Context,
        ObjectStoragePath,
        PokeReturnValue,
    )
    from airflow.sdk._shared.secrets_masker import redact
    from airflow.sdk.configuration import conf
    from airflow.sdk.definitions.mappedoperator import OperatorPartial
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
    from airflow.sdk.execution_time.xcom import XCom
    from airflow.sdk.log import mask_secret
    from airflow.triggers.base import BaseEventTrigger
else:
    # Of several locations, the newest first.
    _LOCATIONS = {
        **{
            name: (f"airflow.sdk.exceptions:{name}", f"airflow.exceptions:{name}")
            for name in __all__
            if name.startswith("Airflow")
        },
        "Asset": ("airflow.sdk:Asset", "airflow.datasets:Dataset"),
        "AssetAlias": ("airflow.sdk:AssetAlias", "airflow.datasets:DatasetAlias"),
        # Airflow 2 has no asset watchers; a trigger for one can still be imported there.
        "BaseEventTrigger": ("airflow.triggers.base:BaseEventTrigger", "airflow.triggers.base:BaseTrigger"),
        "BaseHook": ("airflow.sdk:BaseHook", "airflow.hooks.base:BaseHook"),
        "BaseOperator": ("airflow.sdk:BaseOperator", "airflow.models.baseoperator:BaseOperator"),
        "BaseOperatorLink": ("airflow.sdk:BaseOperatorLink", "airflow.models.baseoperatorlink:BaseOperatorLink"),
        "BaseSensorOperator": ("airflow.sdk:BaseSensorOperator", "airflow.sensors.base:BaseSensorOperator"),
        "Connection": ("airflow.sdk:Connection", "airflow.models.connection:Connection"),
        "Context": ("airflow.sdk:Context", "airflow.utils.context:Context"),
        "ObjectStoragePath": ("airflow.sdk:ObjectStoragePath", "airflow.io.path:ObjectStoragePath"),
        "OperatorPartial": (
            "airflow.sdk.definitions.mappedoperator:OperatorPartial",
            "airflow.models.mappedoperator:OperatorPartial",
        ),
        "PokeReturnValue": ("airflow.sdk:PokeReturnValue", "airflow.sensors.base:PokeReturnValue"),
        "XCom": ("airflow.sdk.execution_time.xcom:XCom", "airflow.models.xcom:XCom"),
        "conf": ("airflow.sdk.configuration:conf", "airflow.configuration:conf"),
        **{
            name: (
                f"airflow.sdk.log:{name}",
                f"airflow.sdk.execution_time.secrets_masker:{name}",
                f"airflow.utils.log.secrets_masker:{name}",
            )
            for name in ("mask_secret", "redact")
        },
    }

    def __getattr__(name: str) -> Any:
        """Import a name on its first use."""
        if name not in _LOCATIONS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = import_first(*_LOCATIONS[name])
        return value
