"""JSON schemas of the requests, for the API's own description; the checks themselves are in the code."""

from typing import Any

from airflow_provider_ard.sandbox.backend.pricing import CLASSES
from airflow_provider_ard.sandbox.validation.orders import SETTINGS
from airflow_provider_ard.sandbox.validation.queries import NUMBERS, OPERATORS, TEXTS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_BBOX: Schema = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 4,
    "maxItems": 4,
    "description": "xmin, ymin, xmax, ymax in degrees (WGS84)",
    "example": [-105.13, 40.14, -105.06, 40.19],
}
_INTERSECTS: Schema = {"description": "WKT or GeoJSON (WGS84)", "oneOf": [_TEXT, {"type": "object"}]}
_QUERY: Schema = {
    "type": "object",
    "properties": {
        name: {"type": "object", "propertyNames": {"enum": list(OPERATORS)}} for name in sorted(NUMBERS | TEXTS)
    },
    "example": {"platform": {"eq": "worldview-02"}, "aoi:cloud_free_percentage": {"gte": 95}},
}
_NOTIFICATION: Schema = {
    "oneOf": [
        {
            "type": "object",
            "required": ["type", "address"],
            "properties": {"type": {"const": "email"}, "address": _TEXT},
        },
        {
            "type": "object",
            "required": ["type", "topic_arn"],
            "properties": {"type": {"const": "sns"}, "topic_arn": _TEXT},
        },
    ]
}
_NOTIFICATIONS: Schema = {"type": "array", "items": _NOTIFICATION}


def _object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


_S3 = _object(("bucket",), bucket=_TEXT, prefix=_TEXT, role_arn=_TEXT)
_GCS = _object(("bucket",), bucket=_TEXT, prefix=_TEXT, service_credentials=_TEXT, credentials_id=_TEXT)
_AZURE = _object(("container",), container=_TEXT, prefix=_TEXT, sas_url=_TEXT, credentials_id=_TEXT)

ORDER = _object(
    ("output_config",),
    acquisitions={
        "type": "array",
        "items": _object(
            ("id",), id=_TEXT, cells={"type": "array", "items": _TEXT}, cell_ids={"type": "array", "items": _TEXT}
        ),
    },
    select_id=_TEXT,
    intersects=_INTERSECTS,
    bbox=_BBOX,
    output_config={
        "oneOf": [
            _S3,
            _object(("amazon_s3",), amazon_s3=_S3),
            _object(("google_cloud_storage",), google_cloud_storage=_GCS),
            _object(("azure_blob_storage",), azure_blob_storage=_AZURE),
        ]
    },
    settings=_object((), **{name: {"type": "boolean"} for name in sorted(SETTINGS)}),
    notifications=_NOTIFICATIONS,
    metadata={"type": "object"},
    dry_run={"type": "boolean", "default": False},
)
SEARCH = _object(
    (),
    ids={"type": "array", "items": _TEXT, "minItems": 1},
    datetime={**_TEXT, "example": "2020-07-01T00:00:00Z/.."},
    intersects=_INTERSECTS,
    bbox=_BBOX,
    query=_QUERY,
    stack_depth={"type": "integer", "minimum": 1},
    image_age_category={"type": "array", "items": {"enum": list(CLASSES)}},
)
MONITOR = _object(
    (),
    name=_TEXT,
    description=_TEXT,
    intersects=_INTERSECTS,
    bbox=_BBOX,
    query=_QUERY,
    actions={"type": "array", "items": _object(("action",), action={"const": "notify"}, notifications=_NOTIFICATIONS)},
)
CREDENTIALS = _object(("credentials",), credentials=_TEXT, description=_TEXT)
LOGIN = _object(
    ("grant_type",),
    grant_type={"enum": ["password", "refresh_token"]},
    username=_TEXT,
    password=_TEXT,
    refresh_token=_TEXT,
)
CLIENT_LOGIN = _object((), grant_type={"const": "client_credentials"})
CATALOG = _object(("features",), type={"const": "FeatureCollection"}, features={"type": "array"})
