"""`ard select`: search an AOI for imagery."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from rich.style import Style
from rich.text import Text

from airflow_provider_ard.api.arguments import SELECT_ARGUMENTS, pluralize
from airflow_provider_ard.cli import output
from airflow_provider_ard.cli.command import OK, command
from airflow_provider_ard.cli.output import amount, print_json, print_message, print_table, text
from airflow_provider_ard.cli.request_arguments import errors_naming_options, passed_flags
from airflow_provider_ard.exceptions import airflow_exceptions
from airflow_provider_ard.hooks.ard import ArdHook
from airflow_provider_ard.polling.select_wait import SelectWait

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from airflow_provider_ard.api.errors import ArdUnavailableError
    from airflow_provider_ard.api.selects.results import SelectStatus
    from airflow_provider_ard.api.selects.tiles import SelectTile

POLL_INTERVAL_S = 2.0
COLUMNS = ("acquisition", "acquired", "platform", "age", "cells", "clouds (%)", "off nadir (°)", "quicklook")


@command
def select(args: Namespace) -> int:
    """Search, wait for the results, and print them."""
    hook = ArdHook(args.conn_id)
    with errors_naming_options(SELECT_ARGUMENTS):
        request = hook.select_request(**passed_flags(args, SELECT_ARGUMENTS))
    for warning in request.warnings:
        print_message(f"warning: {warning}")
    status = _wait(hook, hook.submit_select(request).id)
    tiles = hook.get_select_tiles(status)
    if args.json:
        print_json(_select_json(hook, status, tiles))
    elif args.geojson:
        features = [_feature(hook, tile) for tile in tiles]
        print_json({"type": "FeatureCollection", "features": features})
    elif tiles:
        acquisitions = _by_acquisition(tiles)
        print_table(COLUMNS, [_row(hook, acquisition) for acquisition in acquisitions.values()])
    _print_summary(status, tiles)
    return OK


def _wait(hook: ArdHook, select_id: str) -> SelectStatus:
    wait = SelectWait(select_id, POLL_INTERVAL_S, math.inf, _print_outage)
    client = hook.get_conn().single_attempt()
    while True:
        with wait.poll(), airflow_exceptions(hook.ard_conn_id):
            wait.update(client.get_select(select_id))
        if wait.is_done:
            return hook.get_select(select_id)
        time.sleep(wait.delay())


def _print_outage(outage: ArdUnavailableError) -> None:
    print_message(f"Polling failed, will retry: {outage}")


def _by_acquisition(tiles: Sequence[SelectTile]) -> dict[str, list[SelectTile]]:
    """Return the tiles of each acquisition, the newest acquisition first."""
    acquisitions: dict[str, list[SelectTile]] = {}
    for tile in sorted(tiles, key=lambda tile: (_acquired_at(tile), tile.acquisition_id), reverse=True):
        acquisitions.setdefault(tile.acquisition_id, []).append(tile)
    return acquisitions


def _acquired_at(tile: SelectTile) -> str:
    return str(tile.properties.get("datetime") or tile.properties.get("date") or "")


def _row(hook: ArdHook, tiles: Sequence[SelectTile]) -> tuple[Text, ...]:
    """Return the cells of an acquisition for `COLUMNS`."""
    tile = tiles[0]
    return (
        text(tile.acquisition_id),
        text(_acquired_at(tile)[:16].replace("T", " ")),
        text(tile.properties.get("platform")),
        text(tile.properties.get("image_age_category")),
        Text(f"{len(tiles):,}", justify="right"),
        amount(_mean(tiles, "eo:cloud_cover")),
        amount(_mean(tiles, "view:off_nadir")),
        _link(hook.get_conn().quicklook_url(tile.acquisition_id, tile.cell_id)),
    )


def _mean(tiles: Sequence[SelectTile], name: str) -> float | None:
    values = [tile.properties.get(name) for tile in tiles]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return sum(numbers) / len(numbers) if numbers else None


def _link(url: str) -> Text:
    """Return a link: its address in a pipe or file, and on a terminal a word that opens it."""
    return Text("open", style=Style(link=url)) if output.stdout().isatty() else text(url)


def _select_json(hook: ArdHook, status: SelectStatus, tiles: Sequence[SelectTile]) -> dict[str, Any]:
    """Return the Select as JSON; `acquisitions` can be ordered as they are."""
    acquisitions = [
        {"id": acquisition_id, "cells": [tile.cell_id for tile in acquisition]}
        for acquisition_id, acquisition in _by_acquisition(tiles).items()
    ]
    properties = [_feature(hook, tile)["properties"] for tile in tiles]
    return status.report() | {"acquisitions": acquisitions, "tiles": properties}


def _feature(hook: ArdHook, tile: SelectTile) -> dict[str, Any]:
    """Return a tile as a GeoJSON feature with a link to its quicklook. Its geometry is that of its cell."""
    properties = {name: value for name, value in tile.properties.items() if name != "wkt"}
    quicklook = hook.get_conn().quicklook_url(tile.acquisition_id, tile.cell_id)
    return {
        "type": "Feature",
        "geometry": tile.geometry,
        "properties": properties | {"cell_id": tile.cell_id, "quicklook": quicklook},
    }


def _print_summary(status: SelectStatus, tiles: Sequence[SelectTile]) -> None:
    if not tiles:
        print_message("Nothing matches.")
        return
    acquisitions = len({tile.acquisition_id for tile in tiles})
    usage = f"; {status.usage}" if status.usage else ""
    print_message(
        f"Select {status.id}: {pluralize(len(tiles), 'tile')} of {pluralize(acquisitions, 'acquisition')}{usage}. "
        f"To order: --select-id {status.id}"
    )
