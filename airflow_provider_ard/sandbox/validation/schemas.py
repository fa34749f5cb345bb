"""JSON schemas of the requests, for the OpenAPI description; validation itself is code."""

from typing import Any

from airflow_provider_ard.sandbox.backend.pricing import CLASSES
from airflow_provider_ard.sandbox.validation.orders import CELLS_KEYS, SETTINGS
from airflow_provider_ard.sandbox.validation.queries import NUMERIC_PROPERTIES, OPERATORS, STRING_PROPERTIES

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_BBOX: Schema = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 4,
    "maxItems": 4,
    "description": "xmin, ymin, xmax, ymax in degrees (WGS84)",
    "example": [-105.13, 40.14, -105.06, 40.19],
}
_INTERSECTS: Schema = {"description": "WKT or GeoJSON (WGS84)", "oneOf": [_STRING, {"type": "object"}]}
_QUERY: Schema = {
    "type": "object",
    "properties": {
        name: {"type": "object", "propertyNames": {"enum": list(OPERATORS)}}
        for name in sorted(NUMERIC_PROPERTIES | STRING_PROPERTIES)
    },
    "example": {"platform": {"eq": "worldview-02"}, "aoi:cloud_free_percentage": {"gte": 95}},
}
_NOTIFICATION: Schema = {
    "oneOf": [
        {
            "type": "object",
            "required": ["type", "address"],
            "properties": {"type": {"const": "email"}, "address": _STRING},
        },
        {
            "type": "object",
            "required": ["type", "topic_arn"],
            "properties": {"type": {"const": "sns"}, "topic_arn": _STRING},
        },
    ]
}
_NOTIFICATIONS: Schema = {"type": "array", "items": _NOTIFICATION}


def _object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


_S3 = _object(("bucket",), bucket=_STRING, prefix=_STRING, role_arn=_STRING)
_GCS = _object(("bucket",), bucket=_STRING, prefix=_STRING, service_credentials=_STRING, credentials_id=_STRING)
_AZURE = _object(("container",), container=_STRING, prefix=_STRING, sas_url=_STRING, credentials_id=_STRING)

ORDER = _object(
    ("output_config",),
    acquisitions={
        "type": "array",
        "items": {
            "oneOf": [
                _STRING,
                _object(("id",), id=_STRING, **{key: {"type": "array", "items": _STRING} for key in CELLS_KEYS}),
            ]
        },
    },
    select_id=_STRING,
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
    ids={"type": "array", "items": _STRING, "minItems": 1},
    datetime={**_STRING, "example": "2020-07-01T00:00:00Z/.."},
    intersects=_INTERSECTS,
    bbox=_BBOX,
    query=_QUERY,
    stack_depth={"type": "integer", "minimum": 1},
    image_age_category={"type": "array", "items": {"enum": list(CLASSES)}},
)
MONITOR = _object(
    (),
    name=_STRING,
    description=_STRING,
    intersects=_INTERSECTS,
    bbox=_BBOX,
    query=_QUERY,
    actions={"type": "array", "items": _object(("action",), action={"const": "notify"}, notifications=_NOTIFICATIONS)},
)
CREDENTIALS = _object(("credentials",), credentials=_STRING, description=_STRING)
LOGIN = _object(
    ("grant_type",),
    grant_type={"enum": ["password", "refresh_token"]},
    username=_STRING,
    password=_STRING,
    refresh_token=_STRING,
)
CLIENT_LOGIN = _object((), grant_type={"const": "client_credentials"})
CATALOG = _object(("features",), type={"const": "FeatureCollection"}, features={"type": "array"})
