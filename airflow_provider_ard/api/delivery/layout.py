"""Layout of a delivery: destinations of orders, and the URIs of the delivered objects.

    {prefix}/{order_id}-request.json
    {prefix}/order_collections/{order_id}_root_collection.json           or {order_id}_collection.json
    {prefix}/order_collections/{order_id}_non_intersecting_tiles_report.json    only if there are any
    {prefix}/acquisition_collections/{acquisition_id}_collection.json
    {prefix}/{zone}/{quadkey}/{date}/{acquisition_id}.json               STAC item; its assets are in the same folder

URIs are those of the storage: `s3://bucket/key`, `gs://bucket/key`, `az://container/key`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from airflow_provider_ard.api.arguments import safe_repr
from airflow_provider_ard.api.errors import ArdRequestError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
# A query would be that of a signed URL in the wrong argument.
_NO_PREFIX = re.compile(r"[?#\\\x00-\x1f\x7f\ud800-\udfff]")
_EMPTY_STEP = re.compile(r"//|(?:^|/)\.{1,2}(?:/|$)")
_ITEM = re.compile(r"/(?P<zone>\d{2})/(?P<quadkey>[0-3]{12})/(?P<date>\d{4}-\d{2}-\d{2})/(?P<acquisition>[^/]+)\.json$")

_ROOT_SUFFIX, _OTHER_ROOT_SUFFIX = "_root_collection.json", "_collection.json"
_COLLECTION = re.compile(r"/acquisition_collections/([^/]+)_collection\.json$")


class StorageLocation(NamedTuple):
    """A location in a bucket or container; `scheme` is s3, gs or az, `prefix` without slashes around it."""

    scheme: str
    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """The location as a URI, for example `s3://bucket/prefix`."""
        path = f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket
        return f"{self.scheme}://{path}"


class TileLocation(NamedTuple):
    """The location of a tile, as in its STAC item's URI. `date`: the day, ISO 8601."""

    cell_id: str
    date: str
    acquisition_id: str


def parse_location(destination: object, argument: str = "destination") -> StorageLocation:
    """Return the location of an `s3://`, `gs://` or `az://` URI, or of a bare `bucket/prefix` (S3).

    Raises `ArdRequestError` for anything else.
    """
    if not isinstance(destination, str):
        raise ArdRequestError(
            f"expected a string like s3://bucket/prefix, got {safe_repr(destination)}", argument=argument
        )
    location = destination.strip()
    match = _SCHEME.match(location)
    scheme = match[1].lower() if match else "s3"
    if scheme not in {"s3", "gs", "az"}:
        raise ArdRequestError(f"expected s3://, gs:// or az://, got {safe_repr(scheme)}", argument=argument)
    bucket, _, prefix = (location[match.end() :] if match else location).partition("/")
    check_names(argument, bucket, prefix, "container" if scheme == "az" else "bucket")
    return StorageLocation(scheme, bucket, prefix.strip("/"))


def check_names(argument: str, bucket: str, prefix: str, container: str) -> None:
    """Raise `ArdRequestError` for a bucket (or container) or prefix that cannot exist."""
    if not bucket:
        raise ArdRequestError(f"the {container} is missing", argument=argument)
    if not _BUCKET.fullmatch(bucket):
        raise ArdRequestError(f"expected the name of a {container}, got {safe_repr(bucket)}", argument=argument)
    if _NO_PREFIX.search(prefix):
        raise ArdRequestError("the prefix contains an invalid character (? # \\)", argument=argument)
    if _EMPTY_STEP.search(prefix.strip("/")):
        raise ArdRequestError(f"the prefix has an empty or dotted segment: {safe_repr(prefix)}", argument=argument)


def request_uri(output_uri: str, order_id: str) -> str:
    """Return the URI of the copy of its request that an order stores with its delivery."""
    return f"{output_uri.rstrip('/')}/{order_id}-request.json"


def root_collection_uri(output_uri: str, order_id: str) -> str:
    """Return the URI of an order's root collection below its destination."""
    return f"{output_uri.rstrip('/')}/order_collections/{order_id}{_ROOT_SUFFIX}"


def other_root_collection_uri(uri: str) -> str | None:
    """Return the URI of a root collection by its other documented name, None if there is none."""
    if uri.endswith(_ROOT_SUFFIX):
        return uri.removesuffix(_ROOT_SUFFIX) + _OTHER_ROOT_SUFFIX
    return None


def non_intersecting_report_uri(collection_uri: str, order_id: str) -> str:
    """Return the URI of the report of ordered tiles that do not intersect the AOI, beside the root collection."""
    return f"{collection_uri.rpartition('/')[0]}/{order_id}_non_intersecting_tiles_report.json"


def acquisition_collection_uri(output_uri: str, acquisition_id: str) -> str:
    """Return the URI of an acquisition's collection, shared by all orders with the same destination."""
    return f"{output_uri.rstrip('/')}/acquisition_collections/{acquisition_id}_collection.json"


def item_uri(output_uri: str, cell_id: str, date: str, acquisition_id: str) -> str:
    """Return the URI of a tile's STAC item; `cell_id` like `Z13-031133320203`, `date` like `2021-06-03`."""
    zone, _, quadkey = cell_id.removeprefix("Z").partition("-")
    return f"{output_uri.rstrip('/')}/{zone}/{quadkey}/{date}/{acquisition_id}.json"


def parse_item_uri(uri: str) -> TileLocation | None:
    """Return the tile location in a STAC item's URI, None for any other URI."""
    match = _ITEM.search(uri)
    if not match:
        return None
    return TileLocation(f"Z{match['zone']}-{match['quadkey']}", match["date"], match["acquisition"])


def parse_acquisition_collection_uri(uri: str) -> str:
    """Return the acquisition ID in the URI of its collection, an empty string for any other URI."""
    match = _COLLECTION.search(uri)
    return match[1] if match else ""
