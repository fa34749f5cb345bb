"""Files of AOIs: their paths, which may name a layer, and their content."""

from __future__ import annotations

import errno
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdRequestError, ArdUnavailableError

ReadFile = Callable[[str], bytes]

_GZIP = b"\x1f\x8b"
# Errors that the path causes; other errors of an object store may be temporary.
_PATH_ERRORS = (
    FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, TypeError, LookupError,
    ImportError, NotImplementedError,
)  # fmt: skip
# Errors of the system for a string that cannot be a path.
_NO_PATH = {errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP}


class AoiFile(NamedTuple):
    """A file of an AOI, or with an empty path a text in a file's format.

    `layer`: the layer to read, None for all. `content`: None for a local folder. `local`: the path for GDAL, which
    finds the companions of a local file there, such as a Shapefile's projection; None if only the content is there.
    """

    path: str
    layer: str | None
    content: bytes | None
    local: str | None

    @property
    def label(self) -> str:
        """The file in a message."""
        return f"the file {safe_repr(self.path.rsplit('/', 1)[-1])}" if self.path else "the text"

    @property
    def text(self) -> str:
        """The content of a text file in UTF-8, UTF-16 or UTF-32, an empty string for any other file."""
        content = self.content or b""
        try:
            return content.decode(json.detect_encoding(content)).lstrip("\ufeff").strip()
        except UnicodeDecodeError:
            return ""


def read_local_file(path: str) -> bytes:
    """Return the content of a local file."""
    return Path(path).expanduser().read_bytes()


def open_aoi_file(path: str, argument: str, read_file: ReadFile) -> AoiFile:
    """Return the file at a path, which may end in `#layer`; what gzip compressed is decompressed.

    `read_file(path)` returns a file's bytes, or raises the errors of its storage. Raises `ArdRequestError`, and
    `ArdUnavailableError` if a storage cannot be reached.
    """
    is_remote = "://" in path
    location, separator, layer = path.rpartition("#")
    if not separator or "/" in layer or (not is_remote and _exists(path)):
        location, layer = path, ""
    if not is_remote and _exists(location) and Path(location).expanduser().is_dir():
        return AoiFile(location, layer or None, None, str(Path(location).expanduser()))
    content = _content(location, argument, read_file)
    if content.startswith(_GZIP):
        return AoiFile(location.removesuffix(".gz"), layer or None, _decompressed(content, location, argument), None)
    return AoiFile(location, layer or None, content, None if is_remote else str(Path(location).expanduser()))


def _content(path: str, argument: str, read_file: ReadFile) -> bytes:
    try:
        return read_file(path)
    except _PATH_ERRORS:
        pass
    except Exception as error:  # noqa: BLE001 -- every object store has errors of its own
        if "://" in path and getattr(error, "errno", None) not in _NO_PATH:
            raise ArdUnavailableError(
                f"{argument}: {safe_repr(path)} cannot be read now: {type(error).__name__}"
            ) from None
    raise ArdRequestError(
        f"expected WKT, GeoJSON or the path of a readable file, got {safe_repr(path)}", argument=argument
    )


def _decompressed(content: bytes, path: str, argument: str) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        name = safe_repr(path.rsplit("/", 1)[-1])
        raise ArdRequestError(f"the file {name} is damaged: {error}", argument=argument) from None


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        # Too long for a path, a null character, or the home of an unknown user.
        return False
