"""The table of results in the documentation."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import rasterio

# Result of each test: by library, form and test.
Outcomes = dict[tuple[str, str, str], str]
START, END = "<!-- results -->", "<!-- end of results -->"
# Modules of tests, the name of the library and the package whose version counts.
LIBRARIES = {
    "pystac": ("pystac", "pystac"),
    "odc_stac": ("odc-stac", "odc-stac"),
    "stackstac": ("stackstac", "stackstac"),
    "rio_tiler": ("rio-tiler", "rio-tiler"),
    "titiler": ("TiTiler", "titiler.core"),
    "stac_geoparquet": ("stac-geoparquet", "stac-geoparquet"),
    "rustac": ("rustac", "rustac"),
    "stacit": ("GDAL (STACIT)", None),
}
COLUMNS = {
    "Opens": "test_opens",
    "Validates": "test_validates",
    "Asset key": "test_asset_key",
    "Band name": "test_band_name",
    "Neighbors": "test_neighbors",
    "UTM zones": "test_two_zones",
    "WorldView-1": "test_panchromatic",
    "MultiPolygon": "test_two_parts",
}


def write_table(document: Path, outcomes: Outcomes) -> None:
    """Replace the table of results in a document."""
    before, _, rest = document.read_text().partition(START)
    _, _, after = rest.partition(END)
    table = "\n".join(_lines(outcomes))
    document.write_text(f"{before}{START}\n\n{table}\n\n{END}{after}")


def _lines(outcomes: Outcomes) -> list[str]:
    forms = list(dict.fromkeys(form for _, form, _ in outcomes))
    lines = [f"| Library | Version | Delivery | {' | '.join(COLUMNS)} |", f"|---|---|---|{'---|' * len(COLUMNS)}"]
    for module, (library, package) in LIBRARIES.items():
        number = version(package) if package else rasterio.__gdal_version__
        for form in forms:
            cells = " | ".join(outcomes.get((module, form, test), "n/a") for test in COLUMNS.values())
            lines.append(f"| {library} | {number} | {form} | {cells} |")
    return lines
