"""Quicklooks: small images of tiles."""

from __future__ import annotations

from typing import NamedTuple

MAX_BYTES = 4_000_000
_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


class Quicklook(NamedTuple):
    """An image. `media_type`: `image/png` or `image/jpeg`."""

    content: bytes
    media_type: str


def read_quicklook(content: bytes) -> Quicklook:
    """Return an image with its type, which is read from its content.

    Raises ValueError for anything but a PNG or JPEG image of at most `MAX_BYTES`.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"expected at most {MAX_BYTES:,} bytes, got {len(content):,}")
    for signature, media_type in _SIGNATURES:
        if content.startswith(signature):
            return Quicklook(content, media_type)
    raise ValueError("expected a PNG or JPEG image")
