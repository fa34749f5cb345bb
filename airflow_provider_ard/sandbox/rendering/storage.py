"""Where tiles are written: a folder, or the storage servers of the three clouds, through fsspec."""

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import fsspec

from airflow_provider_ard.sandbox.validation.output_config import AZURE, GCS, Destination

# Emulators take any key; these save the search for real ones, which no emulator should see.
EMULATOR_KEY = "sandbox"
CLOUD = "cloud"


@dataclass(frozen=True)
class StorageServers:
    """The servers that stand in for the clouds' own.

    `s3`: URL, with key and secret, which default to those of the environment. `gcs`: URL of a Google Cloud Storage
    server. `azure`: URL of a blob account, like `http://127.0.0.1:10000/devstoreaccount1`.
    """

    s3: str | None = None
    s3_key: str | None = None
    s3_secret: str | None = None
    gcs: str | None = None
    azure: str | None = None


class Storage:
    """A place to deliver to.

    `root`: a folder, a `file://` or `s3://bucket/prefix` URL, in which a bucket is a folder right below the root;
    `"s3"`, where every bucket is the real one of the S3 server; or `"cloud"`, where each order goes to the
    platform that it names. Raises ValueError for anything else.
    """

    def __init__(self, root: str | Path, servers: StorageServers | None = None) -> None:
        text = str(root)
        self._servers = servers or StorageServers()
        self._cloud = text == CLOUD
        if self._cloud or text == "s3" or text.startswith("s3://"):
            self._protocol = CLOUD if self._cloud else "s3"
            self._root = "" if self._cloud else text.removeprefix("s3").removeprefix("://").strip("/")
        elif "://" in text and not text.startswith("file://"):
            raise ValueError(f"storage must be a folder, file://, s3:// or {CLOUD!r}, not {text!r}")
        else:
            self._protocol = "file"
            self._root = str(Path(text.removeprefix("file://")).absolute())

    def describe(self) -> dict[str, str]:
        """Return the root as a URL, and the servers' endpoints where there are any."""
        servers = {"s3_endpoint": self._servers.s3, "gcs_endpoint": self._servers.gcs}
        servers["azure_endpoint"] = self._servers.azure
        told = {name: url for name, url in servers.items() if url}
        return {"storage": f"{self._protocol}://{self._root}", **told}

    def folder(self, destination: Destination) -> "Folder":
        """Return the prefix that an order goes to; raises ValueError if its platform has no server here."""
        parts = [part for part in (self._root, destination.bucket, destination.prefix) if part]
        return Folder(self._filesystem(destination), "/".join(parts), whole=self._protocol != "file")

    def _filesystem(self, destination: Destination) -> Any:
        if self._protocol == "file":
            return self._local
        if self._cloud and destination.platform == GCS:
            if self._servers.gcs is None:
                raise ValueError("the sandbox was started without a Google Cloud Storage server")
            return _gcs(self._servers.gcs)
        if self._cloud and destination.platform == AZURE:
            if self._servers.azure is None:
                raise ValueError("the sandbox was started without an Azure Blob Storage server")
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
    """Return what a storage said, in one line: some tell it again as XML, with time and request."""
    said = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {said}"


class Folder:
    """A prefix in a bucket, to write to. `whole`: its filesystem writes files whole or not at all."""

    def __init__(self, filesystem: Any, path: str, *, whole: bool) -> None:
        self._fs = filesystem
        self._path = path
        self._whole = whole

    def write(self, name: str, content: bytes) -> None:
        """Write a file; FileNotFoundError if there is no such bucket, PermissionError if it may not be written."""
        path = f"{self._path}/{name}"
        if self._whole:
            self._fs.pipe_file(path, content)
            return
        # As in a cloud, a file is there as a whole or not at all, whoever may be reading it meanwhile.
        # Each writer has a part of its own, for two orders may have a tile in common.
        part = f"{path}.{uuid4().hex}.part"
        self._fs.pipe_file(part, content)
        self._fs.mv(part, path)

    def read(self, name: str) -> bytes | None:
        """Return what is in a file, or None if there is none."""
        try:
            return bytes(self._fs.cat_file(f"{self._path}/{name}"))
        except FileNotFoundError:
            return None

    def check_writable(self) -> None:
        """Write a small file and remove it again; raises what writing raises."""
        # A name of its own, for another dry run into this place may remove its file meanwhile.
        name = f".ard-dry-run.{uuid4().hex}"
        self.write(name, b"")
        self._fs.rm_file(f"{self._path}/{name}")


@lru_cache(maxsize=8)
def _gcs(endpoint: str) -> Any:
    # The plain one: its successor asks for the kind of each bucket over gRPC, which no emulator speaks.
    from gcsfs.core import GCSFileSystem  # type: ignore[import-untyped]

    options = {"endpoint_url": endpoint, "use_listings_cache": False, "skip_instance_cache": True}
    return GCSFileSystem(token="anon", **options)  # noqa: S106 - the word for none


@lru_cache(maxsize=32)
def _azure(endpoint: str, signature: str) -> Any:
    connection = f"BlobEndpoint={endpoint};SharedAccessSignature={signature}"
    return fsspec.filesystem("abfs", connection_string=connection, use_listings_cache=False, skip_instance_cache=True)
