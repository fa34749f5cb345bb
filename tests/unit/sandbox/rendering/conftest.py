"""Files of a delivered tile."""

import json

# STAC asset key -> file name suffix.
FILES = {
    "visual": "-visual.tif",
    "pan_analytic": "-pan.tif",
    "ms_analytic": "-ms.tif",
    "cloud-mask": "-cloud-mask.gpkg",
    "cloud-mask-raster": "-clouds.tif",
    "cloud-shadow-mask": "-cloud-shadow-mask.gpkg",
    "data-mask": "-data-mask.gpkg",
    "healthy-vegetation-mask": "-healthy-vegetation-mask.gpkg",
    "healthy-vegetation-mask-raster": "-healthy-vegetation.tif",
    "ms-saturation-mask": "-ms-saturation-mask.gpkg",
    "ms-saturation-mask-raster": "-ms-saturation.tif",
    "pan-flare-mask": "-pan-flare-mask.gpkg",
    "pan-flare-mask-raster": "-pan-flare.tif",
    "terrain-shadow-mask": "-terrain-shadow-mask.gpkg",
    "terrain-shadow-mask-raster": "-terrain-shadows.tif",
    "water-mask": "-water-mask.gpkg",
    "water-mask-raster": "-water.tif",
}


def stac_items(prefix):
    return [json.loads(path.read_text()) for path in sorted(prefix.glob("*/*/*/*.json"))]
