"""Where tiles are written: a folder or an S3 server, through fsspec."""

import os
from pathlib import Path
from typing import Any

import fsspec

# An S3 emulator takes any key; these save the search for real ones, which no emulator should see.
EMULATOR_KEY = "sandbox"


class Storage:
    """A place that stands in for the whole cloud: a bucket is a folder right below its root.

    ``root``: a folder, a ``file://`` or ``s3://bucket/prefix`` URL, or ``"s3"``, below which the buckets are the
    real ones of the S3 server.
    """

    def __init__(
        self,
        root: str | Path,
        endpoint: str | None = None,
        key: str | None = None,
        secret: str | None = None,
    ) -> None:
        text = str(root)
        self._endpoint = endpoint
        if text == "s3" or text.startswith("s3://"):
            self._protocol = "s3"
            self._root = text.removeprefix("s3").removeprefix("://").strip("/")
            self._fs = _s3(endpoint, key, secret)
        elif "://" in text and not text.startswith("file://"):
            raise ValueError(f"storage must be a folder, file:// or s3://, not {text!r}")
        else:
            self._protocol = "file"
            self._root = str(Path(text.removeprefix("file://")).absolute())
            self._fs = fsspec.filesystem("file", auto_mkdir=True)

    def describe(self) -> dict[str, str]:
        """Return the root as a URL, and the S3 endpoint if there is one."""
        told = {"storage": f"{self._protocol}://{self._root}"}
        return {**told, "s3_endpoint": self._endpoint} if self._endpoint else told

    def path(self, *parts: str) -> str:
        """Return the path of a file, given its bucket, prefix and so on."""
        return "/".join(part for part in (self._root, *parts) if part)

    def write(self, path: str, content: bytes) -> None:
        """Write a file; FileNotFoundError if there is no such bucket, PermissionError if it may not be written."""
        if self._protocol == "s3":
            self._fs.pipe_file(path, content)
            return
        # As on S3, a file is there as a whole or not at all, whoever may be reading it meanwhile.
        self._fs.pipe_file(f"{path}.part", content)
        self._fs.mv(f"{path}.part", path)

    def read(self, path: str) -> bytes | None:
        """Return what is in a file, or None if there is none."""
        try:
            return bytes(self._fs.cat_file(path))
        except FileNotFoundError:
            return None

    def check_writable(self, bucket: str, prefix: str) -> None:
        """Write a small file and remove it again; raises what writing raises."""
        path = self.path(bucket, prefix, ".ard-dry-run")
        self.write(path, b"")
        self._fs.rm_file(path)


def _s3(endpoint: str | None, key: str | None, secret: str | None) -> Any:
    from_environment = any(name in os.environ for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"))
    if endpoint and not key and not from_environment:
        key = secret = EMULATOR_KEY
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return fsspec.filesystem(
        "s3",
        key=key,
        secret=secret,
        endpoint_url=endpoint,
        client_kwargs={"region_name": region},
        use_listings_cache=False,
        skip_instance_cache=True,
    )
