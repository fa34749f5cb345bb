"""The processing and output settings of an order, with their documented defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from airflow_provider_ard.api.arguments import did_you_mean, none_if_blank, parse_bool, parse_literal, safe_repr
from airflow_provider_ard.api.errors import ArdRequestError


class Settings(BaseModel):
    """How an order is processed and which files are delivered; everything, unless it is turned off.

    Source: the order page of the SDK's documentation and, for the last four, the SDK's reference of `settings`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle_adjust: bool = False
    hd: bool = False
    cloud_mask: bool = True
    healthy_vegetation_mask: bool = True
    ms_saturation_mask: bool = True
    pan_flare_mask: bool = True
    terrain_shadow_mask: bool = True
    water_mask: bool = True
    data_mask: bool = True
    ms_analytic: bool = True
    pan_analytic: bool = True
    visual: bool = True

    def to_payload(self) -> dict[str, bool]:
        """Return the changes to the defaults, and always `bundle_adjust`, as the SDK sends it."""
        if self is DEFAULT_SETTINGS:
            return {"bundle_adjust": False}
        return {"bundle_adjust": self.bundle_adjust} | self.model_dump(exclude_defaults=True)


DEFAULT_SETTINGS = Settings()


def parse_settings(settings: object = None, bba: object = False) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings, and warnings about contradictions. Either of `bba` and `bundle_adjust` turns BBA on.

    Raises `ArdRequestError` for an unknown setting, suggesting the nearest one, and for a value that is no bool.
    """
    if settings is not None:
        settings = parse_literal(none_if_blank(settings))
    if settings is None:
        if bba is False:
            return DEFAULT_SETTINGS, ()
        settings = {}
    adjust = parse_bool(bba, "bba")
    if not isinstance(settings, Mapping):
        raise ArdRequestError(f"expected a dictionary, got {safe_repr(settings)}", argument="settings")
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in Settings.model_fields:
            raise ArdRequestError(
                f"unknown setting {safe_repr(name)}{did_you_mean(name, Settings.model_fields)}", argument="settings"
            )
        values[name] = parse_bool(value, f"settings.{name}")
    warnings: tuple[str, ...] = ()
    if values.get("bundle_adjust", adjust) != adjust:
        warnings = (f"bba is {adjust} and settings.bundle_adjust is {not adjust}: either turns bundle adjustment on",)
    values["bundle_adjust"] = adjust or values.get("bundle_adjust", False)
    return Settings(**values), warnings
