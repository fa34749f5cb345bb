"""Storage for delivered files: a local folder or the servers of the three clouds, through fsspec."""

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import fsspec

from airflow_provider_ard.sandbox.validation.output_config import AZURE, GCS, Destination

# Emulators accept any key; a fixed one prevents real credentials from being sent to an emulator.
EMULATOR_KEY = "sandbox"
CLOUD = "cloud"


@dataclass(frozen=True)
class StorageServers:
    """URLs of storage servers that replace those of the clouds.

    `s3`: URL, with key and secret, which default to those of the environment. `gcs`: URL of a Google Cloud Storage
    server. `azure`: URL of a blob account, like `http://127.0.0.1:10000/devstoreaccount1`.
    """

    s3: str | None = None
    s3_key: str | None = None
    s3_secret: str | None = None
    gcs: str | None = None
    azure: str | None = None


class Storage:
    """The storage that orders are delivered to.

    `root` is a folder, a `file://` or an `s3://bucket/prefix` URL that contains a folder for each bucket; `"s3"` for
    the buckets of the S3 server; or `"cloud"` for the platform of each order. Raises ValueError for anything else.
    """

    def __init__(self, root: str | Path, servers: StorageServers | None = None) -> None:
        location = str(root)
        self._servers = servers or StorageServers()
        self._cloud = location == CLOUD
        if self._cloud or location == "s3" or location.startswith("s3://"):
            self._protocol = CLOUD if self._cloud else "s3"
            self._root = "" if self._cloud else location.removeprefix("s3").removeprefix("://").strip("/")
        elif "://" in location and not location.startswith("file://"):
            raise ValueError(f"storage: expected a folder, file://, s3:// or {CLOUD!r}, got {location!r}")
        else:
            self._protocol = "file"
            self._root = str(Path(location.removeprefix("file://")).absolute())

    def describe(self) -> dict[str, str]:
        """Return the root as a URL, and the endpoints of the configured servers."""
        endpoints = {
            "s3_endpoint": self._servers.s3,
            "gcs_endpoint": self._servers.gcs,
            "azure_endpoint": self._servers.azure,
        }
        configured = {name: url for name, url in endpoints.items() if url}
        return {"storage": f"{self._protocol}://{self._root}", **configured}

    def folder(self, destination: Destination) -> "Folder":
        """Return the prefix of an order; raises ValueError if its platform has no server."""
        parts = [part for part in (self._root, destination.bucket, destination.prefix) if part]
        return Folder(self._filesystem(destination), "/".join(parts), atomic=self._protocol != "file")

    def _filesystem(self, destination: Destination) -> Any:
        if self._protocol == "file":
            return self._local
        if self._cloud and destination.platform == GCS:
            if self._servers.gcs is None:
                raise ValueError("the sandbox has no Google Cloud Storage server")
            return _gcs(self._servers.gcs)
        if self._cloud and destination.platform == AZURE:
            if self._servers.azure is None:
                raise ValueError("the sandbox has no Azure Blob Storage server")
            return _azure(self._servers.azure, urlsplit(destination.secret or "").query)
        return self._s3

    @cached_property
    def _local(self) -> Any:
        return fsspec.filesystem("file", auto_mkdir=True)

    @cached_property
    def _s3(self) -> Any:
        key, secret = self._servers.s3_key, self._servers.s3_secret
        from_environment = any(name in os.environ for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"))
        if self._servers.s3 and not key and not from_environment:
            key = secret = EMULATOR_KEY
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        return fsspec.filesystem(
            "s3",
            key=key,
            secret=secret,
            endpoint_url=self._servers.s3,
            client_kwargs={"region_name": region},
            use_listings_cache=False,
            skip_instance_cache=True,
        )


def format_error(error: BaseException) -> str:
    """Return an exception as one line; some storages add the XML response to the message."""
    message = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {message}"


class Folder:
    """A prefix in a bucket; `atomic` means that its filesystem never exposes partly written files."""

    def __init__(self, filesystem: Any, path: str, *, atomic: bool) -> None:
        self._fs = filesystem
        self._path = path
        self._atomic = atomic

    def write(self, name: str, content: bytes) -> None:
        """Write a file; raises FileNotFoundError for a missing bucket, PermissionError if writing is not permitted."""
        path = f"{self._path}/{name}"
        if self._atomic:
            self._fs.pipe_file(path, content)
            return
        # Readers see a complete file or none, as in a cloud. Part names are unique, since orders may share a tile.
        part = f"{path}.{uuid4().hex}.part"
        self._fs.pipe_file(part, content)
        self._fs.mv(part, path)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None if it does not exist."""
        try:
            return bytes(self._fs.cat_file(f"{self._path}/{name}"))
        except FileNotFoundError:
            return None

    def check_writable(self) -> None:
        """Write an empty file and remove it; raises the exceptions of `write`."""
        # A unique name, since another dry run of this destination may remove its own file.
        name = f".ard-dry-run.{uuid4().hex}"
        self.write(name, b"")
        self._fs.rm_file(f"{self._path}/{name}")


@lru_cache(maxsize=8)
def _gcs(endpoint: str) -> Any:
    # The base class: the newer one requests the type of each bucket over gRPC, which emulators do not support.
    from gcsfs.core import GCSFileSystem  # type: ignore[import-untyped]

    options = {"endpoint_url": endpoint, "use_listings_cache": False, "skip_instance_cache": True}
    return GCSFileSystem(token="anon", **options)  # noqa: S106 - not a secret


@lru_cache(maxsize=32)
def _azure(endpoint: str, signature: str) -> Any:
    connection = f"BlobEndpoint={endpoint};SharedAccessSignature={signature}"
    return fsspec.filesystem("abfs", connection_string=connection, use_listings_cache=False, skip_instance_cache=True)
