"""The processing and output settings of an order, with their documented defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from airflow_provider_ard.api.arguments import did_you_mean, none_if_blank, parse_bool, parse_literal, safe_repr
from airflow_provider_ard.api.errors import ArdRequestError


class Settings(BaseModel):
    """What is processed how, and which files are delivered: everything, unless it is switched off.

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
        """Return what differs from the defaults, and `bundle_adjust` always, as the SDK sends it."""
        if self is DEFAULT_SETTINGS:
            return {"bundle_adjust": False}
        return {"bundle_adjust": self.bundle_adjust} | self.model_dump(exclude_defaults=True)


DEFAULT_SETTINGS = Settings()


def read_settings(settings: object = None, bba: object = False) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings and notes on what was contradictory. Either of `bba` and `bundle_adjust` turns BBA on.

    Raises `ArdRequestError` for an unknown setting, with the nearest known one, and for a value that is no truth value.
    """
    if settings is not None:
        settings = parse_literal(none_if_blank(settings))
    if settings is None:
        if bba is False:
            return DEFAULT_SETTINGS, ()
        settings = {}
    adjust = parse_bool(bba, "bba")
    if not isinstance(settings, Mapping):
        raise ArdRequestError(f"wanted a dictionary, got {safe_repr(settings)}", argument="settings")
    chosen: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in Settings.model_fields:
            raise ArdRequestError(
                f"unknown setting {safe_repr(name)}{did_you_mean(name, Settings.model_fields)}", argument="settings"
            )
        chosen[name] = parse_bool(value, f"settings.{name}")
    notes: tuple[str, ...] = ()
    if chosen.get("bundle_adjust", adjust) != adjust:
        notes = (f"bba is {adjust} and settings.bundle_adjust is {not adjust}: either turns bundle adjustment on",)
    chosen["bundle_adjust"] = adjust or chosen.get("bundle_adjust", False)
    return Settings(**chosen), notes
