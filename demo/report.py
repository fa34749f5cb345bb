"""The ingested files, as listed in the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pyarrow.parquet import read_table  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pathlib import Path

    from demo.storage import S3Server

COLUMNS = ("acquisition", "cell", "date", "cloud %", "valid %", "mean R G B (or pan)")
ITEM_OF = "-visual.tif"


@dataclass(frozen=True)
class Ingested:
    """The files that the example DAG wrote for an order, and the rows of its catalog."""

    catalog: Path
    mosaic: Path
    rows: list[dict[str, Any]]

    @classmethod
    def fetch(cls, s3: S3Server, prefix: str, folder: Path) -> Self:
        """Copy the catalog and the mosaic below `prefix` into a folder. Raises FileNotFoundError if one is missing."""
        files = {}
        uris = s3.uris(prefix)
        for name in ("catalog.parquet", "mosaic.png"):
            matching = [uri for uri in uris if uri.endswith(f"/{name}")]
            if not matching:
                raise FileNotFoundError(f"no {name} below {prefix}")
            files[name] = s3.copy(matching[0], folder)
        rows = read_table(files["catalog.parquet"]).to_pylist()
        return cls(files["catalog.parquet"], files["mosaic.png"], rows)

    def item_uris(self) -> set[str]:
        """Return the URIs of the STAC items of all ingested tiles."""
        return {row["assets"]["visual"]["href"].removesuffix(ITEM_OF) + ".json" for row in self.rows}

    def table(self) -> str:
        """Return the rows as a text table."""
        cells = [COLUMNS, *sorted(_cells(row) for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["collection"],
        row["grid:code"].removeprefix("MXRA-"),
        f"{row['datetime']:%Y-%m-%d}",
        f"{row['tile:clouds_percent']:7.1f}",
        f"{row['visual:valid_percent']:7.1f}",
        " ".join(f"{mean:5.1f}" for mean in row["visual:mean"]),
    )
