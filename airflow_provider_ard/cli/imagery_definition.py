"""The command `ard select` and its arguments. Imports no Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_ard.cli.elements import ARG_CONN_ID, ARG_JSON, Argument, Command

if TYPE_CHECKING:
    from argparse import Namespace

ARG_INTERSECTS = Argument("--intersects", help="AOI: a file, WKT or GeoJSON", metavar="AOI")
ARG_BBOX = Argument(
    "--bbox",
    help="AOI as four numbers, xmin ymin xmax ymax, in WGS84 degrees; with commas: --bbox=-105.2,40.1,-105,40.2",
    nargs="+",
    metavar="NUMBER",
)
ARG_SIMPLIFY_AOI = Argument(
    "--simplify-aoi", help="Reduce polygons of too many vertices to 1000", action="store_true", default=None
)
ARG_DROP_SMALL_POLYGONS = Argument(
    "--drop-small-polygons",
    help="Drop polygons that are too small, such as islets",
    action="store_true",
    default=None,
)


def output_problem(args: Namespace) -> str | None:
    """Return the problem of two output formats."""
    return "--geojson: cannot be combined with --json; omit one of them" if args.json and args.geojson else None


SELECT = Command(
    name="select",
    help="Search for imagery, and show its price",
    function="select.select",
    args=(
        ARG_INTERSECTS,
        ARG_BBOX,
        Argument(
            "--datetime",
            help="When imagery was acquired: a date, or two with a slash between; .. is an open end",
            metavar="START/END",
        ),
        Argument(
            "--query",
            help="""Filter on tile properties, in JSON: '{"eo:cloud_cover": {"lte": 10}}'""",
            metavar="JSON",
        ),
        Argument("--ids", help="Acquisition IDs to search among", nargs="+", metavar="ID"),
        Argument("--stack-depth", help="Maximum number of tiles per cell, best first", metavar="NUMBER"),
        Argument(
            "--image-age-category",
            help="fresh (up to 90 days old), standard (up to 3 years), training",
            nargs="+",
            metavar="CATEGORY",
        ),
        ARG_SIMPLIFY_AOI,
        ARG_DROP_SMALL_POLYGONS,
        ARG_JSON,
        Argument("--geojson", help="Output GeoJSON, one feature per tile, instead of a table", action="store_true"),
        ARG_CONN_ID,
    ),
    description="Search an AOI for imagery to order. Costs nothing, and orders nothing. Prints the acquisitions with "
    "links to their quicklooks, and the area and cost of ordering everything.",
    check=output_problem,
)
