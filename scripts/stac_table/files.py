"""Facts about assets of items, and their files."""

from __future__ import annotations

import forms
from fact import NOT_PUBLIC, Fact

SMALL = "small images; `--pixels` sets their size"
OTHER_RASTERS = ("healthy-vegetation", "pan-flare", "terrain-shadow", "water")

ASSETS = (
    Fact("`href`", "`./{acquisition}-visual.tif`", lambda d: d.template(d.asset("visual")["href"])),
    Fact(
        "files",
        "17 files beside the item, of the same names; one list has `-pan-flare-mask.tif`",
        forms.file_names,
        assumed="`-pan-flare-mask.gpkg`, as the other masks",
    ),
    Fact(
        "keys of images",
        "`visual`, `ms_analytic`, `pan_analytic`",
        lambda d: forms.asset_keys(d, "visual", "ms_analytic", "pan_analytic"),
    ),
    Fact(
        "keys of vector masks",
        "`data-mask`, `cloud-mask`, `cloud-shadow-mask`, `terrain-shadow-mask`, `ms-saturation-mask`",
        lambda d: forms.asset_keys(
            d, "data-mask", "cloud-mask", "cloud-shadow-mask", "terrain-shadow-mask", "ms-saturation-mask"
        ),
    ),
    Fact(
        "keys of other vector masks",
        NOT_PUBLIC,
        lambda d: forms.asset_keys(d, "healthy-vegetation-mask", "pan-flare-mask", "water-mask"),
        assumed="the names of the files",
    ),
    Fact(
        "keys of raster masks",
        "`cloud-mask-raster`, `ms-saturation-mask-raster`",
        lambda d: forms.asset_keys(d, "cloud-mask-raster", "ms-saturation-mask-raster"),
    ),
    Fact(
        "keys of other raster masks",
        NOT_PUBLIC,
        lambda d: forms.asset_keys(d, *(f"{name}-mask-raster" for name in OTHER_RASTERS)),
        assumed="by analogy",
    ),
    Fact(
        "`title` of images and `data-mask`",
        "Visual Image, Multispectral Image, Panchromatic Image, Data Mask",
        lambda d: forms.asset_values(d, "title", "visual", "ms_analytic", "pan_analytic", "data-mask"),
    ),
    Fact(
        "`title` of `cloud-mask-raster`",
        "Cloud/Cloud Shadow Coverage Raster",
        lambda d: forms.asset_values(d, "title", "cloud-mask-raster"),
    ),
    Fact(
        "`title` of other masks",
        NOT_PUBLIC,
        lambda d: forms.asset_values(d, "title", "cloud-mask", "water-mask", "water-mask-raster"),
        assumed="the words of the name; these are examples",
    ),
    Fact(
        "`type` of images and raster masks",
        "image/tiff; application=geotiff; profile=cloud-optimized",
        lambda d: forms.asset_values(d, "type", "visual"),
    ),
    Fact(
        "`type` of vector masks",
        "application/geopackage+sqlite3",
        lambda d: forms.asset_values(d, "type", "data-mask"),
    ),
    Fact(
        "`roles` of `visual`, `ms_analytic`, `pan_analytic`, `data-mask`",
        "visual, data, data, data-mask",
        lambda d: forms.asset_values(d, "roles", "visual", "ms_analytic", "pan_analytic", "data-mask"),
    ),
    Fact(
        "`roles` of other masks",
        NOT_PUBLIC,
        lambda d: forms.asset_values(d, "roles", "cloud-mask", "cloud-mask-raster", "water-mask-raster"),
        assumed="the key of the vector mask; these are examples",
    ),
    Fact("`eo:bands` of `visual`", "BAND_R red, BAND_G green, BAND_B blue", lambda d: d.bands("visual")),
    Fact("`eo:bands` of `visual`, WorldView-1", "BAND_P_V", lambda d: d.bands("visual", "WV01")),
    Fact(
        "`eo:bands` of `ms_analytic`, 8 bands",
        "BAND_C coastal, BAND_B blue, BAND_G green, BAND_Y yellow, BAND_R red, BAND_RE rededge, BAND_N nir08, "
        "BAND_N2 nir09",
        lambda d: d.bands("ms_analytic"),
    ),
    Fact(
        "`eo:bands` of `ms_analytic`, 4 bands",
        "BAND_B blue, BAND_G green, BAND_R red, BAND_IR nir08",
        lambda d: d.bands("ms_analytic", "GE01"),
    ),
    Fact("`eo:bands` of `pan_analytic`", "BAND_P", lambda d: d.bands("pan_analytic")),
    Fact("`eo:bands` of `cloud-mask-raster`", "BAND_CM", lambda d: d.bands("cloud-mask-raster")),
    Fact(
        "descriptions of bands",
        "for each band; those of BAND_IR and BAND_P_V are not public",
        lambda d: "for each band" if all(b["description"] for b in d.asset("visual")["eo:bands"]) else "other",
        assumed="Near Infrared and Pan for these",
    ),
    Fact(
        "`classification:classes` of `cloud-mask-raster`",
        "0 nodata, 1 clear, 2 cloud, 3 cloud_shadow",
        lambda d: forms.classes(d, "cloud-mask-raster"),
    ),
    Fact(
        "`classification:classes` of other raster masks",
        "1 is present; the rest is not public",
        lambda d: forms.classes(d, "water-mask-raster"),
        assumed="0 absent, 255 no data",
    ),
    Fact("`proj:bbox`", "5312.5 m x 5312.5 m", lambda d: forms.extent(d.asset("visual")["proj:bbox"])),
    Fact("`proj:shape` of `visual`", "17408 x 17408", lambda d: forms.asset_shape(d, "visual"), differs=SMALL),
    Fact("width of the margin in `visual`", "1/34 of the width", forms.margin_width),
    Fact(
        "`proj:shape` of `pan_analytic`, `ms_analytic`",
        "another for each acquisition, pan = 4 x ms",
        forms.native_grids,
    ),
    Fact(
        "`proj:shape` of `cloud-mask-raster`",
        "1/8 of that of `visual`",
        lambda d: forms.part_of_visual(d, "cloud-mask-raster"),
    ),
    Fact(
        "`proj:shape` of other raster masks",
        NOT_PUBLIC,
        lambda d: forms.part_of_visual(d, "water-mask-raster"),
        assumed="by analogy",
    ),
    Fact("`proj:transform`", "9 numbers", forms.transform_lengths),
    Fact(
        "order of the keys",
        "alphabetical",
        lambda d: "alphabetical" if list(d.item()["assets"]) == sorted(d.item()["assets"]) else "other",
    ),
)

FILES = (
    Fact("`-visual.tif`", "3 x uint8, JPEG YCbCr, mask band", lambda d: d.raster("-visual.tif")),
    Fact("`-visual.tif`, WorldView-1", "1 x uint8, DEFLATE, mask band", lambda d: d.raster("-visual.tif", "WV01")),
    Fact("`-ms.tif`, 8 bands", "8 x uint16, DEFLATE, mask band", lambda d: d.raster("-ms.tif")),
    Fact("`-ms.tif`, 4 bands", "4 x uint16, DEFLATE, mask band", lambda d: d.raster("-ms.tif", "GE01")),
    Fact("`-pan.tif`", NOT_PUBLIC, lambda d: d.raster("-pan.tif"), assumed="as `-ms.tif`"),
    Fact(
        "names of the bands in the files",
        NOT_PUBLIC,
        lambda d: d.band_names("-ms.tif"),
        assumed="none; `eo:bands` has them",
    ),
    Fact("`-clouds.tif`", "values of the classes; 0 is no data", lambda d: d.raster("-clouds.tif"), assumed="DEFLATE"),
    Fact("`-water.tif` and other masks", "1 is present", lambda d: d.raster("-water.tif"), assumed="the rest"),
    Fact(
        "`{order}-request.json`",
        "there; its content is not public",
        lambda d: ", ".join(d.request()),
        assumed="the body of the request",
    ),
)
