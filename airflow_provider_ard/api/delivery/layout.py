"""Where an order is delivered to, and what lies where below it.

    {prefix}/{order_id}-request.json
    {prefix}/order_collections/{order_id}_root_collection.json
    {prefix}/acquisition_collections/{acquisition_id}_collection.json
    {prefix}/{zone}/{quadkey}/{date}/{acquisition_id}.json               the STAC item, its assets beside it

URIs are those of the storage: `s3://bucket/key`, `gs://bucket/key`, `az://container/key`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
# A query would be a signed URL put into the wrong place.
_NO_PREFIX = re.compile(r"[?#\\\x00-\x1f\x7f\ud800-\udfff]")
_EMPTY_STEP = re.compile(r"//|(?:^|/)\.{1,2}(?:/|$)")
_ITEM = re.compile(r"/(?P<zone>\d{2})/(?P<quadkey>[0-3]{12})/(?P<date>\d{4}-\d{2}-\d{2})/(?P<acquisition>[^/]+)\.json$")

_COLLECTION = re.compile(r"/acquisition_collections/([^/]+)_collection\.json$")


class Place(NamedTuple):
    """A place in a bucket or container; `scheme` is s3, gs or az, `prefix` without slashes around it."""

    scheme: str
    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """The place as a URI, for example `s3://bucket/prefix`."""
        path = f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket
        return f"{self.scheme}://{path}"


class TileLocation(NamedTuple):
    """What a STAC item's URI tells of its tile. `date`: the day, ISO 8601."""

    cell_id: str
    date: str
    acquisition_id: str


def parse_location(destination: object, argument: str = "destination") -> Place:
    """Return the place that `s3://`, `gs://`, `az://` or a bare `bucket/prefix` (S3) means; else `ArdRequestError`."""
    if not isinstance(destination, str):
        raise ArdRequestError(f"wanted a text like s3://bucket/prefix, got {safe_repr(destination)}", argument=argument)
    text = destination.strip()
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else "s3"
    if scheme not in {"s3", "gs", "az"}:
        raise ArdRequestError(f"wanted s3://, gs:// or az://, got {safe_repr(scheme)}", argument=argument)
    bucket, _, prefix = (text[match.end() :] if match else text).partition("/")
    check_names(argument, bucket, prefix, "container" if scheme == "az" else "bucket")
    return Place(scheme, bucket, prefix.strip("/"))


def check_names(argument: str, bucket: str, prefix: str, container: str) -> None:
    """Raise `ArdRequestError` for a bucket (or container) and prefix that no storage can have."""
    if not bucket:
        raise ArdRequestError(f"the {container} is missing", argument=argument)
    if not _BUCKET.fullmatch(bucket):
        raise ArdRequestError(f"not the name of a {container}: {safe_repr(bucket)}", argument=argument)
    if _NO_PREFIX.search(prefix):
        raise ArdRequestError("the prefix holds a character that no prefix can have (? # \\)", argument=argument)
    if _EMPTY_STEP.search(prefix.strip("/")):
        raise ArdRequestError(f"the prefix has an empty or dotted step: {safe_repr(prefix)}", argument=argument)


def request_uri(output_uri: str, order_id: str) -> str:
    """Return the URI of the copy of its request that an order leaves where it was delivered to."""
    return f"{output_uri.rstrip('/')}/{order_id}-request.json"


def root_collection_uri(output_uri: str, order_id: str) -> str:
    """Return the URI of an order's root collection below the place it was delivered to."""
    return f"{output_uri.rstrip('/')}/order_collections/{order_id}_root_collection.json"


def acquisition_collection_uri(output_uri: str, acquisition_id: str) -> str:
    """Return the URI of an acquisition's collection, which all orders into one place share."""
    return f"{output_uri.rstrip('/')}/acquisition_collections/{acquisition_id}_collection.json"


def item_uri(output_uri: str, cell_id: str, date: str, acquisition_id: str) -> str:
    """Return the URI of a tile's STAC item; `cell_id` like `Z13-031133320203`, `date` like `2021-06-03`."""
    zone, _, quadkey = cell_id.removeprefix("Z").partition("-")
    return f"{output_uri.rstrip('/')}/{zone}/{quadkey}/{date}/{acquisition_id}.json"


def read_item_uri(uri: str) -> TileLocation | None:
    """Return what a STAC item's URI tells of its tile, None if it is no such URI."""
    found = _ITEM.search(uri)
    if not found:
        return None
    return TileLocation(f"Z{found['zone']}-{found['quadkey']}", found["date"], found["acquisition"])


def read_acquisition_collection_uri(uri: str) -> str:
    """Return the acquisition id that the URI of its collection tells, an empty text if it tells none."""
    found = _COLLECTION.search(uri)
    return found[1] if found else ""
