"""Check delivered files by their headers: whether a file has the format of its name, and its complete length.

A GeoTIFF's directories have the offset and length of each block, and the header of a GeoPackage its number of pages. No
pixel is read or decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

# Holds all directories of a delivered Cloud Optimized GeoTIFF.
HEAD_BYTES = 65_536
# Of a directory; a damaged one may have any number.
_LONGEST_ARRAY = 16 * 2**20
_MAX_DIRECTORIES = 256

_BLOCK_OFFSETS, _BLOCK_LENGTHS = (273, 324), (279, 325)
# TIFF types of these: SHORT, LONG and LONG8.
_FORMATS = {3: "H", 4: "I", 16: "Q"}

# `read(start, end)` returns these bytes of a file.
ReadRange = Callable[[int, int], bytes]


def find_defect(name: str, size: int, read: ReadRange) -> str | None:
    """Return what is wrong with a file of `size` bytes, None if nothing is; a file of another format is not read.

        find_defect("a-visual.tif", 4096, lambda start, end: content[start:end])  # "truncated: 4096 of 9000 bytes"

    Reads the first 64 KiB of a GeoTIFF, and more only if it is not cloud optimized.
    """
    suffix = name.rpartition(".")[2].lower()
    if suffix in {"tif", "tiff"}:
        length = _tiff_length(_Bytes(size, read))
    elif suffix == "gpkg":
        length = _geopackage_length(_Bytes(size, read, head_bytes=100))
    else:
        return None
    if length is None:
        return f"not a {'GeoPackage' if suffix == 'gpkg' else 'GeoTIFF'}, or truncated: {size} bytes"
    return f"truncated: {size} of {length} bytes" if length > size else None


class _Bytes:
    """A file, of which the head is read once."""

    def __init__(self, size: int, read: ReadRange, head_bytes: int = HEAD_BYTES) -> None:
        self._size = size
        self._read = read
        self._head = read(0, min(size, head_bytes))

    def unpack(self, layout: str, start: int, count: int = 1) -> tuple[int, ...] | None:
        """Return the numbers at an offset, None if they are beyond the end; `layout` is a byte order and a format."""
        content = self.content(start, struct.calcsize(layout) * count)
        return None if content is None else struct.unpack(f"{layout[0]}{count}{layout[1]}", content)

    def content(self, start: int, length: int) -> bytes | None:
        """Return the bytes at an offset; None if they are beyond the end."""
        end = start + length
        if end > self._size or length > _LONGEST_ARRAY:
            return None
        content = self._head[start:end] if end <= len(self._head) else self._read(start, end)
        return content if len(content) == length else None


def _tiff_length(file: _Bytes) -> int | None:
    """Return the end of the last block; None without a readable directory."""
    order = {b"II": "<", b"MM": ">"}.get(file.content(0, 2) or b"")
    version = file.unpack(f"{order}H", 2) if order else None
    if order is None or version not in {(42,), (43,)}:
        return None
    is_big = version == (43,)
    pointer = f"{order}{'Q' if is_big else 'I'}"
    first = file.unpack(pointer, 8 if is_big else 4)
    offset = first[0] if first else 0
    length = 0
    for _ in range(_MAX_DIRECTORIES):
        directory = _directory(file, pointer, offset)
        if directory is None:
            return None
        end, offset = directory
        length = max(length, end)
        if not offset:
            return length
    return None


def _directory(file: _Bytes, pointer: str, offset: int) -> tuple[int, int] | None:
    """Return the end of a directory's last block and the offset of the next directory; None if it is not readable."""
    order, is_big = pointer[0], pointer[1] == "Q"
    entry_layout, counter = (f"{order}HHQ8s", "Q") if is_big else (f"{order}HHI4s", "H")
    entry_size, counter_size = struct.calcsize(entry_layout), struct.calcsize(order + counter)
    entry_count = file.unpack(order + counter, offset) if offset else None
    if entry_count is None:
        return None
    start = offset + counter_size
    entries = file.content(start, entry_count[0] * entry_size)
    following = file.unpack(pointer, start + entry_count[0] * entry_size)
    if entries is None or following is None:
        return None
    offsets: tuple[int, ...] | None = ()
    lengths: tuple[int, ...] | None = ()
    for tag, type_, count, value in struct.iter_unpack(entry_layout, entries):
        if tag in _BLOCK_OFFSETS:
            offsets = _array(file, pointer, type_, count, value)
        elif tag in _BLOCK_LENGTHS:
            lengths = _array(file, pointer, type_, count, value)
    if not offsets or not lengths or len(offsets) != len(lengths):
        return None
    return max(start + length for start, length in zip(offsets, lengths, strict=True)), following[0]


def _array(file: _Bytes, pointer: str, type_: int, count: int, value: bytes) -> tuple[int, ...] | None:
    """Return the numbers of an entry, which contains them or their offset."""
    number = _FORMATS.get(type_)
    if number is None:
        return None
    layout = pointer[0] + number
    length = struct.calcsize(layout) * count
    if length <= len(value):
        return struct.unpack(f"{pointer[0]}{count}{number}", value[:length])
    return file.unpack(layout, struct.unpack(pointer, value)[0], count)


def _geopackage_length(file: _Bytes) -> int | None:
    """Return the length of an SQLite database; 0 if its header does not have it."""
    if file.content(0, 16) != b"SQLite format 3\x00":
        return None
    page_size, pages = file.unpack(">H", 16), file.unpack(">I", 28)
    changes, valid_for = file.unpack(">I", 24), file.unpack(">I", 92)
    if page_size is None or pages is None or valid_for is None:
        return None
    # Older versions of SQLite do not update the number of pages.
    return (65_536 if page_size[0] == 1 else page_size[0]) * pages[0] if changes == valid_for else 0
