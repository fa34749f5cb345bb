"""JSON schemas of STAC and its extensions, from packages of PyPI, by URL: validation needs no network.

The sources of pystac's extensions contain the HTTP responses that their tests recorded, schemas among them.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CORE_VERSION = "1.0.0"


def read_schemas(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the schemas in the source distributions of a folder."""
    schemas: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                content = archive.extractfile(member)
                if content is None:
                    continue
                if "/cassettes/" in member.name:
                    schemas.update(_recorded(content.read()))
                elif f"/stac-spec/v{CORE_VERSION}/" in member.name:
                    schemas[_core_url(Path(member.name).stem)] = json.loads(content.read())
    return schemas


def _recorded(cassette: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    for exchange in yaml.load(cassette, yaml.CSafeLoader)["interactions"]:
        url, response = exchange["request"]["uri"], exchange["response"]
        if url.endswith("schema.json") and response["status"]["code"] == 200:
            yield url, json.loads(response["body"]["string"])


def _core_url(name: str) -> str:
    folder = name if name in ("item", "collection", "catalog") else "item"
    return f"https://schemas.stacspec.org/v{CORE_VERSION}/{folder}-spec/json-schema/{name}.json"
