"""Defects of a delivery, which faults cause: its first tile is not delivered as ordered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_provider_ard.sandbox.rendering.rasters import Asset

MISSING_TILE, MISSING_ASSET, MISSING_OBJECT = "missing_tile", "missing_asset", "missing_object"
EMPTY_OBJECT, TRUNCATED_OBJECT = "empty_object", "truncated_object"


@dataclass(frozen=True)
class DeliveryDefect:
    """A defect of an order's first tile: its kind, and the STAC asset key of the affected file."""

    kind: str
    asset: str = "visual"


# Content of a damaged file, None if it is not delivered.
_DAMAGE: Mapping[str, Callable[[bytes], bytes | None]] = {
    MISSING_OBJECT: lambda _: None,
    EMPTY_OBJECT: lambda _: b"",
    TRUNCATED_OBJECT: lambda content: content[: len(content) // 2],
}


def delivers_tile(defects: Sequence[DeliveryDefect]) -> bool:
    """Return whether a tile with these defects is delivered at all."""
    return all(defect.kind != MISSING_TILE for defect in defects)


def listed_assets(assets: Sequence[Asset], defects: Sequence[DeliveryDefect]) -> list[Asset]:
    """Return the assets that the STAC item of a tile lists."""
    missing = {defect.asset for defect in defects if defect.kind == MISSING_ASSET}
    return [asset for asset in assets if asset.key not in missing]


def delivered_files(assets: Sequence[Asset], defects: Sequence[DeliveryDefect]) -> list[Asset]:
    """Return the files of a tile that are written, with their content."""
    damage = {defect.asset: _DAMAGE[defect.kind] for defect in defects if defect.kind in _DAMAGE}
    files = []
    for asset in assets:
        content = damage[asset.key](asset.content) if asset.key in damage else asset.content
        if content is not None:
            files.append(replace(asset, content=content))
    return files
