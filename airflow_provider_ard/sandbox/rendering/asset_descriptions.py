"""Titles, roles, bands and classes of a tile's assets, as in real STAC items.

The documentation of the sandbox lists what is assumed.
"""

from typing import Any

TITLES = {
    "visual": "Visual Image",
    "ms_analytic": "Multispectral Image",
    "pan_analytic": "Panchromatic Image",
    "cloud-mask": "Cloud Mask",
    "cloud-mask-raster": "Cloud/Cloud Shadow Coverage Raster",
    "cloud-shadow-mask": "Cloud Shadow Mask",
    "data-mask": "Data Mask",
    "healthy-vegetation-mask-raster": "Healthy Vegetation Mask Raster",
    "healthy-vegetation-mask": "Healthy Vegetation Mask",
    "ms-saturation-mask-raster": "Multispectral Saturation Mask Raster",
    "ms-saturation-mask": "Multispectral Saturation Mask",
    "pan-flare-mask-raster": "Panchromatic Flare Mask Raster",
    "pan-flare-mask": "Panchromatic Flare Mask",
    "terrain-shadow-mask-raster": "Terrain Shadow Mask Raster",
    "terrain-shadow-mask": "Terrain Shadow Mask",
    "water-mask-raster": "Water Mask Raster",
    "water-mask": "Water Mask",
}
DESCRIPTIONS = {
    "cloud-mask-raster": "thematic raster, 0 -> no data, 1 -> clear, 2 -> cloud, 3 -> cloud shadow",
}
# The role of a mask is the asset key of its vector file.
ROLES = {
    "visual": "visual",
    "ms_analytic": "data",
    "pan_analytic": "data",
    "cloud-mask-raster": "cloud-mask",
    "healthy-vegetation-mask-raster": "healthy-vegetation-mask",
    "ms-saturation-mask-raster": "ms-saturation-mask",
    "pan-flare-mask-raster": "pan-flare-mask",
    "terrain-shadow-mask-raster": "terrain-shadow-mask",
    "water-mask-raster": "water-mask",
}
_CLOUD_CLASSES: tuple[dict[str, Any], ...] = (
    {"value": 0, "name": "nodata", "description": "NoData"},
    {"value": 1, "name": "clear", "description": "Clear of clouds or shadows"},
    {"value": 2, "name": "cloud", "description": "Clouds", "color_hint": "B8D0EC"},
    {"value": 3, "name": "cloud_shadow", "description": "Cloud shadows", "color_hint": "9C9EA0"},
)
_BINARY_CLASSES: tuple[dict[str, Any], ...] = (
    {"value": 0, "name": "absent", "description": "Absent"},
    {"value": 1, "name": "present", "description": "Present"},
    {"value": 255, "name": "nodata", "description": "NoData"},
)
_BINARY_MASKS = ("healthy-vegetation", "ms-saturation", "pan-flare", "terrain-shadow", "water")
CLASSES = {
    "cloud-mask-raster": _CLOUD_CLASSES,
    **{f"{name}-mask-raster": _BINARY_CLASSES for name in _BINARY_MASKS},
}

# Bands by name in an image file: name, common name and description in `eo:bands`.
_BANDS: dict[str, tuple[str, str | None, str]] = {
    "coastal": ("BAND_C", "coastal", "Coastal Blue"),
    "blue": ("BAND_B", "blue", "Blue"),
    "green": ("BAND_G", "green", "Green"),
    "yellow": ("BAND_Y", "yellow", "Yellow"),
    "red": ("BAND_R", "red", "Red"),
    "rededge": ("BAND_RE", "rededge", "Red Edge 1"),
    "nir08": ("BAND_N", "nir08", "Near Infrared 1"),
    "nir09": ("BAND_N2", "nir09", "Near Infrared 2"),
    # The only infrared band of a four-band sensor.
    "nir": ("BAND_IR", "nir08", "Near Infrared"),
    "pan": ("BAND_P", None, "Pan"),
    "pan_visual": ("BAND_P_V", None, "Pan"),
    "clouds": ("BAND_CM", None, "Clouds/Cloud Shadows Mask"),
}


def eo_bands(names: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the `eo:bands` of an image; names that have no such band are left out."""
    bands = []
    for name, common_name, description in (_BANDS[name] for name in names if name in _BANDS):
        common = {"common_name": common_name} if common_name else {}
        bands.append({"name": name, **common, "description": description})
    return bands
