"""What Airflow discovers of this provider. Static and light: Airflow loads it at every start."""

from __future__ import annotations

from typing import Any

from airflow_provider_ard import __version__

# The one source of the connection form: Airflow 3.2+ renders it from here, older ones by way of the hook.
ARD_CONNECTION: dict[str, Any] = {
    "connection-type": "ard",
    "hook-class-name": "airflow_provider_ard.hooks.ard.ArdHook",
    "hook-name": "Maxar ARD",
    "ui-field-behaviour": {
        # Not the port: the list's Test button of Airflow 3.3 takes a Connection without one for another one.
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
                "Which credential, stored at the ARD API, writes to which Google or Azure storage. JSON: "
                '{"gs://my-bucket": "our-stored-credentials", "az://": "azure-prod"}. The longest match wins.'
            ),
            "schema": {"type": ["string", "null"], "format": "multiline"},
        },
        "client_id": {
            "label": "Client ID",
            "description": "To log in by client credentials, without user name and password.",
            "schema": {"type": ["string", "null"]},
        },
        "client_secret": {
            "label": "Client secret",
            "description": "Goes with the client ID.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "access_token": {
            "label": "Access token",
            "description": "A ready access token. It lives for 12 hours: give a login or a refresh token as well.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "refresh_token": {
            "label": "Refresh token",
            "description": "Renews the access token without a password, for 30 days.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "verify": {
            "label": "TLS verification",
            "description": "true (default), false, or the path of a CA bundle on every machine of Airflow.",
            "schema": {"type": ["string", "null"]},
        },
        "timeout": {
            "label": "Timeout (s)",
            "description": (
                "Seconds without a byte before a call counts as lost; 60 by default, at most 10 of them to connect."
            ),
            "schema": {"type": ["number", "null"]},
        },
        "namespace": {
            "label": "Namespace",
            "description": (
                "Keeps the orders of Airflow deployments apart that share an ARD account, such as dev and prod: set "
                "another one in each. Part of the idempotency key."
            ),
            "schema": {"type": ["string", "null"]},
        },
        "cells_key": {
            "label": "Cell filter",
            "description": "Its name on the wire: cells (default, what the SDK sends) or cell_ids.",
            "schema": {"type": ["string", "null"], "enum": ["cells", "cell_ids"]},
        },
    },
}


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
                    "airflow_provider_ard.triggers.imagery",
                    "airflow_provider_ard.triggers.order",
                    "airflow_provider_ard.triggers.select",
                ],
            }
        ],
        # az://, as the ARD API and adlfs write what Airflow's own Azure provider knows as abfs:// only.
        "filesystems": ["airflow_provider_ard.fs.azure"],
        "connection-types": [ARD_CONNECTION],
        "cli": ["airflow_provider_ard.cli.definition.get_ard_cli_commands"],
        "extra-links": [
            "airflow_provider_ard.links.order.ArdOrderLink",
            "airflow_provider_ard.links.order.ArdDestinationLink",
            "airflow_provider_ard.links.order.ArdCollectionLink",
        ],
    }
