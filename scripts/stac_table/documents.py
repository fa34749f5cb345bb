"""Facts about items and collections."""

from __future__ import annotations

import forms
from fact import NOT_PUBLIC, Fact

COLLECTION_HREF = "`../../../acquisition_collections/{acquisition}_collection.json`, application/json"
ROOT_HREF = "`../order_collections/{order}_root_collection.json`, application/json"
TIME = "`0000-00-00 00:00:00Z`"

ITEM = (
    Fact(
        "path",
        "`{zone}/{quadkey}/{date}/{acquisition}.json`",
        lambda d: d.template("/".join(d.path().parts[-4:])),
    ),
    Fact("`type`, `stac_version`", "Feature 1.0.0", lambda d: f"{d.item()['type']} {d.item()['stac_version']}"),
    Fact(
        "`stac_extensions`",
        "view 1.0.0, projection 1.0.0, eo 1.0.0, raster 1.1.0, grid 1.0.0 (not in older items), classification",
        lambda d: forms.extensions(d.item()),
        assumed="the version of the classification extension, and that one item has them all",
    ),
    Fact("`id`", "`{zone}/{quadkey}/{acquisition}`", lambda d: d.template(d.item()["id"])),
    Fact("`collection`", "`{acquisition}`", lambda d: d.template(d.item()["collection"])),
    Fact(
        "`geometry`",
        "Polygon; MultiPolygon for 1 of 80 tiles",
        lambda d: " and ".join(sorted({item["geometry"]["type"] for item in d.items.values()}, reverse=True)),
        differs="one acquisition of the bundled catalog has missing lines, which split its tiles",
    ),
    Fact("numbers of `geometry` and `bbox`", "full precision", forms.coordinate_precision),
    Fact("`datetime`", TIME, lambda d: forms.digits_as_zero(d.property("datetime"))),
    Fact(
        "`platform`",
        "GE01, WV01, WV02, WV03, WV04",
        lambda d: ", ".join(sorted({item["properties"]["platform"] for item in d.items.values()})),
        differs="WorldView-4 ended before the first acquisition of the bundled catalog",
    ),
    Fact("`gsd`", "2 decimals", lambda d: forms.property_decimals("gsd", d)),
    Fact("`ard_metadata_version`", "0.0.1", lambda d: d.property("ard_metadata_version")),
    Fact(
        "`catalog_id`, `quadkey`",
        "`{acquisition}, {quadkey}`",
        lambda d: d.template(f"{d.property('catalog_id')}, {d.property('quadkey')}"),
    ),
    Fact("`view:*`", "1 decimal", lambda d: forms.property_decimals("view:", d)),
    Fact("`grid:code`", "`MXRA-Z{zone}-{quadkey}`", lambda d: d.template(d.property("grid:code"))),
    Fact("`utm_zone`, `proj:epsg`", "int, int", lambda d: forms.property_types(d, "utm_zone", "proj:epsg")),
    Fact("`proj:bbox` of a full tile", "5312.5 m x 5312.5 m", lambda d: forms.extent(d.property("proj:bbox"))),
    Fact("`proj:geometry`", "Polygon", lambda d: d.property("proj:geometry")["type"]),
    Fact("`tile:data_area` of a full tile", "28.2", lambda d: str(d.property("tile:data_area"))),
    Fact("`tile:clouds_area`", "1 decimal", lambda d: forms.property_decimals("tile:clouds_area", d)),
    Fact("`tile:clouds_percent`", "whole number", lambda d: forms.property_decimals("tile:clouds_percent", d)),
    Fact("`eo:cloud_cover`", "none", lambda d: d.property("eo:cloud_cover")),
    Fact(
        "`hd`",
        "only if true",
        lambda d: forms.presence("hd", d),
        assumed="that the setting of an order sets it; all public tiles that have it are of WorldView-1",
    ),
    Fact("`bundle_adjusted`", NOT_PUBLIC, lambda d: forms.presence("bundle_adjusted", d), assumed="never seen"),
    Fact("link `collection`", COLLECTION_HREF, lambda d: d.links(d.item(), "collection")),
    Fact("link `parent`", COLLECTION_HREF, lambda d: d.links(d.item(), "parent")),
    Fact("link `root`", f"`../../{ROOT_HREF[1:]}", lambda d: d.links(d.item(), "root")),
)

ACQUISITION_COLLECTION = (
    Fact(
        "path",
        "`acquisition_collections/{acquisition}_collection.json`",
        lambda d: d.template(f"acquisition_collections/{d.item()['collection']}_collection.json"),
    ),
    Fact(
        "`type`, `stac_version`, `license`",
        "Collection 1.0.0 proprietary",
        lambda d: " ".join(d.collection()[name] for name in ("type", "stac_version", "license")),
    ),
    Fact("`id`", "`{acquisition}`", lambda d: d.template(d.collection()["id"])),
    Fact("`description`", "`{acquisition} ARD Tiles`", lambda d: d.template(d.collection()["description"])),
    Fact(
        "link `item`",
        "`../{zone}/{quadkey}/{date}/{acquisition}.json`, application/json",
        lambda d: d.links(d.collection(), "item"),
    ),
    Fact("link `root`", ROOT_HREF, lambda d: d.links(d.collection(), "root")),
    Fact("link `parent`", ROOT_HREF, lambda d: d.links(d.collection(), "parent")),
    Fact("times", TIME, lambda d: forms.digits_as_zero(d.collection()["extent"]["temporal"]["interval"][0][0])),
    Fact(
        "`item_assets`, `stac_extensions`",
        "in one example, perhaps added by those who published it",
        lambda d: forms.document_keys(d.collection(), "item_assets", "stac_extensions"),
        assumed="none",
    ),
)

ROOT_COLLECTION = (
    Fact(
        "path",
        "`order_collections/{order}_root_collection.json`; `{order}_collection.json` on one page of the API's "
        "documentation",
        lambda d: d.template(f"order_collections/{d.root_path().name}"),
        assumed="the first, which real orders have; `--assume root_collection_name=collection` sets the other",
    ),
    Fact(
        "`type`",
        "none in 2021, Collection in the documentation",
        lambda d: d.root().get("type", "none"),
        assumed="none; `--assume root_collection_type=present` sets the other, with version 1.0.0",
    ),
    Fact(
        "`stac_version`",
        "0.8.1 in 2021, 1.0.0 in the documentation",
        lambda d: d.root()["stac_version"],
        assumed="that of the real one",
    ),
    Fact("`description`", "`Order {order} collection`", lambda d: d.template(d.root()["description"])),
    Fact("`license`", "proprietary", lambda d: d.root()["license"]),
    Fact(
        "link `child`",
        "`../acquisition_collections/{acquisition}_collection.json`, application/json",
        lambda d: d.links(d.root(), "child"),
    ),
    Fact("link `root`", "`./{order}_root_collection.json`, application/json", lambda d: d.links(d.root(), "root")),
    Fact("spatial extent", "one bbox for each acquisition", forms.bounding_boxes),
)
