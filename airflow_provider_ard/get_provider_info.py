"""The provider's metadata for Airflow. Static and light: Airflow loads it at every start."""

from __future__ import annotations

from typing import Any

from airflow_provider_ard import __version__

# Defines the Connection form: Airflow 3.2+ renders it from this metadata, older versions from the hook.
ARD_CONNECTION: dict[str, Any] = {
    "connection-type": "ard",
    "hook-class-name": "airflow_provider_ard.hooks.ard.ArdHook",
    "hook-name": "Maxar ARD",
    "ui-field-behaviour": {
        # Not the port: without it, the Test button of Airflow 3.3's list tests another Connection.
        "hidden-fields": ["schema"],
        "relabeling": {"login": "User name", "host": "API address"},
        "placeholders": {
            "host": "https://ard.maxar.com",
            "port": "443",
            "login": "you@example.com",
            "extra": '{"credentials_ids": {"gs://my-bucket": "our-stored-credentials", "az://": "azure-prod"}}',
        },
    },
    "conn-fields": {
        "credentials_ids": {
            "label": "Stored credentials",
            "description": (
                "IDs of credentials stored with the ARD API, by Google or Azure storage location. JSON: "
                '{"gs://my-bucket": "our-stored-credentials", "az://": "azure-prod"}. The longest match takes '
                "precedence."
            ),
            "schema": {"type": ["string", "null"], "format": "multiline"},
        },
        "client_id": {
            "label": "Client ID",
            "description": "For a login with client credentials, without user name and password.",
            "schema": {"type": ["string", "null"]},
        },
        "client_secret": {
            "label": "Client secret",
            "description": "Secret of the client ID.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "access_token": {
            "label": "Access token",
            "description": "Existing access token, valid for 12 hours. For longer waits, also set a login.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "refresh_token": {
            "label": "Refresh token",
            "description": "Renews the access token without a password; valid for 30 days.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "verify": {
            "label": "TLS verification",
            "description": "true (default), false, or the path of a CA bundle on every machine that runs Airflow.",
            "schema": {"type": ["string", "null"]},
        },
        "timeout": {
            "label": "Timeout (s)",
            "description": "Read timeout in seconds, 60 by default; the connect timeout is at most 10.",
            "schema": {"type": ["number", "null"]},
        },
        "namespace": {
            "label": "Namespace",
            "description": (
                "Separates the orders of Airflow deployments that share an ARD account, such as dev and prod: set a "
                "different value in each. Part of the idempotency key."
            ),
            "schema": {"type": ["string", "null"]},
        },
        "budget": {
            "label": "Budget",
            "description": (
                "Limits the cost or area of all orders in a period, in addition to limits in a DAG. JSON: "
                '{"cost": 5000, "per": "month"}, or a list of these. Keys: cost, area_sqkm (km²), per (day, month, '
                "year, or a duration such as 7d), scope (account, dag or tag:NAME), pool."
            ),
            "schema": {"type": ["string", "null"], "format": "multiline"},
        },
        "cells_key": {
            "label": "Cell filter name",
            "description": "Name of the cell filter in requests: cells (default, as the SDK sends) or cell_ids.",
            "schema": {"type": ["string", "null"], "enum": ["cells", "cell_ids"]},
        },
    },
}


# Validates `az://` URIs of assets and names them for OpenLineage; Airflow's Azure provider does neither.
_ASSET_URIS = [
    {
        "schemes": ["az"],
        "handler": "airflow_provider_ard.assets.azure.sanitize_uri",
        "to_openlineage_converter": "airflow_provider_ard.assets.azure.convert_asset_to_openlineage",
    }
]


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, in the form of Airflow's `provider_info.schema.json`."""
    integration = "Maxar ARD"
    return {
        "package-name": "airflow-provider-ard",
        "name": integration,
        "description": "Order Maxar Analysis-Ready Data (ARD), wait for it and ingest its tiles.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": integration,
                "external-doc-url": "https://ard.maxar.com/docs/",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": integration, "python-modules": ["airflow_provider_ard.hooks.ard"]}],
        "operators": [
            {
                "integration-name": integration,
                "python-modules": [
                    "airflow_provider_ard.operators.approval",
                    "airflow_provider_ard.operators.order",
                    "airflow_provider_ard.operators.select",
                    "airflow_provider_ard.operators.tiles",
                ],
            }
        ],
        "sensors": [{"integration-name": integration, "python-modules": ["airflow_provider_ard.sensors.order"]}],
        "triggers": [
            {
                "integration-name": integration,
                "python-modules": [
                    "airflow_provider_ard.triggers.budget",
                    "airflow_provider_ard.triggers.imagery",
                    "airflow_provider_ard.triggers.order",
                    "airflow_provider_ard.triggers.select",
                ],
            }
        ],
        # The scheme az:// of the ARD API and adlfs; Airflow's Azure provider registers abfs:// only.
        "filesystems": ["airflow_provider_ard.fs.azure"],
        "asset-uris": _ASSET_URIS,
        # The name in Airflow 2.
        "dataset-uris": _ASSET_URIS,
        "connection-types": [ARD_CONNECTION],
        "cli": ["airflow_provider_ard.cli.definition.get_ard_cli_commands"],
        "extra-links": [
            "airflow_provider_ard.links.order.ArdOrderLink",
            "airflow_provider_ard.links.order.ArdDestinationLink",
            "airflow_provider_ard.links.order.ArdCollectionLink",
        ],
    }
