from __future__ import annotations

import pytest

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.settings import DEFAULT_SETTINGS, Settings, parse_settings


def test_documented_defaults():
    off = {"bundle_adjust", "hd"}
    assert {name: field.default for name, field in Settings.model_fields.items()} == {
        name: name not in off
        for name in (
            "bundle_adjust", "hd", "cloud_mask", "healthy_vegetation_mask", "ms_saturation_mask", "pan_flare_mask",
            "terrain_shadow_mask", "water_mask", "data_mask", "ms_analytic", "pan_analytic", "visual",
        )
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, {}, "", "None", "{}", " "])
def test_empty_value_is_the_defaults(value):
    settings, notes = parse_settings(value)
    assert settings == DEFAULT_SETTINGS
    assert settings.to_payload() == {"bundle_adjust": False}
    assert notes == ()


@pytest.mark.parametrize(
    "text", ["{'hd': True, 'visual': False}", '{"hd": true, "visual": "False"}', "{'hd': 'true', 'visual': False}"]
)
def test_rendered_dictionary_is_parsed(text):
    assert parse_settings(text)[0].to_payload() == {"bundle_adjust": False, "hd": True, "visual": False}


@pytest.mark.parametrize("bba", [True, False])
def test_contradicting_bba_is_a_warning(bba):
    settings, notes = parse_settings({"bundle_adjust": not bba}, bba)
    assert settings.bundle_adjust
    assert notes == (f"bba is {bba} and settings.bundle_adjust is {not bba}: either turns bundle adjustment on",)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("water_msk", "did you mean 'water_mask'"), ("HD", "valid names: bundle_adjust, hd"), ("bba", "valid names:"), (5, "valid names:"), ("x" * 9999, "…; valid names:")],
)  # fmt: skip
def test_unknown_setting_gets_a_suggestion(name, hint):
    with pytest.raises(ArdRequestError, match=hint) as caught:
        parse_settings({name: True})
    assert len(str(caught.value)) < 400


def test_argument_is_not_modified():
    argument = {"hd": "true"}
    parse_settings(argument, bba=True)
    assert argument == {"hd": "true"}
