"""A local S3 server (moto) and a client of it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Self

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from pathlib import Path

# moto accepts any key; never send a real key to it.
KEY = SECRET = "demo"  # noqa: S105
REGION = "us-east-1"


class S3Server:
    """An S3 server in a thread, as a context manager, with these buckets.

    `url` is its address, `connection_json` an Airflow Connection to it. `port` 0 takes any free one.
    """

    def __init__(self, *buckets: str, port: int = 0) -> None:
        self._buckets = buckets
        self._server = ThreadedMotoServer("127.0.0.1", port=port, verbose=False)
        self.url = ""
        self.client: Any = None

    def __enter__(self) -> Self:
        """Start the server and create the buckets."""
        # A log line per request would hide the demo's own lines.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
            config=Config(proxies={}),
        )
        for bucket in self._buckets:
            self.client.create_bucket(Bucket=bucket)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server; its objects are deleted."""
        self._server.stop()

    @property
    def connection_json(self) -> str:
        """An Airflow Connection of type `aws` to this server."""
        extra = {"endpoint_url": self.url, "region_name": REGION}
        return json.dumps({"conn_type": "aws", "login": KEY, "password": SECRET, "extra": extra})

    def uris(self, prefix: str) -> list[str]:
        """Return the URIs of all objects below `s3://bucket/prefix`."""
        bucket, _, key = prefix.removeprefix("s3://").partition("/")
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        return [f"s3://{bucket}/{item['Key']}" for page in pages for item in page.get("Contents", ())]

    def read(self, uri: str) -> bytes:
        """Return the content of an object."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def copy(self, uri: str, folder: Path) -> Path:
        """Copy an object into a folder, and return the path of the file."""
        file = folder / uri.rpartition("/")[2]
        file.write_bytes(self.read(uri))
        return file
