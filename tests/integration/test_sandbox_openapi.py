"""schemathesis against the OpenAPI description of the sandbox: no request causes a server error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import requests

from airflow_provider_ard.sandbox import Sandbox

# These would expire the token of the run.
EXCLUDED_PATHS = ("/sandbox/tokens/expire", "/sandbox/clock")


def test_no_request_causes_a_server_error(tmp_path):
    with Sandbox(order_duration=0, storage=tmp_path / "out", pixels=16) as ard, requests.Session() as api:
        api.trust_env = False
        fields = {"grant_type": "password", "username": ard.login, "password": ard.password}
        token = api.post(f"{ard.url}/api/v1/auth/authenticate", data=fields, timeout=9).json()["access_token"]
        api.headers["Authorization"] = f"Bearer {token}"
        description = tmp_path / "openapi.json"
        description.write_text(json.dumps(_describe_api(ard, api)))
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", str(description), "--url", ard.url, "-H", f"Authorization: Bearer {token}"),
            *("--checks", "not_a_server_error", "--generation-deterministic", "--max-examples", "25"),
            *(option for path in EXCLUDED_PATHS for option in ("--exclude-path", path)),
        ]
        run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280, cwd=tmp_path)
        assert run.returncode == 0, run.stdout[-4000:]
        records = ard.requests
        assert len(records) > 1000
        assert [record.endpoint for record in records if record.status is None or record.status >= 500] == []
        # Every part of the API has processed valid requests.
        succeeded = {record.endpoint.split("/")[1] for record in records if record.status in (200, 204)}
        assert succeeded >= {"order", "select", "metadata", "monitor", "admin", "usage", "auth", "browse"}


def _describe_api(ard: Sandbox, api: requests.Session) -> dict:
    """Return the API description with existing IDs in addition to arbitrary values."""
    root = f"{ard.url}/api/v1"
    tile = next(iter(ard.catalog))
    destination = {"bucket": "b", "prefix": ""}
    order = {"acquisitions": [{"id": tile.acquisition_id, "cells": [tile.cell_id]}], "output_config": destination}
    bounds = list(tile.footprint.bounds)
    order_id = api.post(f"{root}/order/", json=order, timeout=9).json()["id"]
    select_id = api.post(f"{root}/select/", json={"bbox": bounds}, timeout=9).json()["id"]
    monitor_id = api.post(f"{root}/monitor/", json={"bbox": bounds}, timeout=9).json()["monitor"]["monitor_id"]
    existing = {
        "account_id": "7001",
        "requested_id": "7001",
        "user_id": "7002",
        "order_id": order_id,
        "select_id": select_id,
        "monitor_id": monitor_id,
        "acquisition_id": tile.acquisition_id,
        "cell_id": tile.cell_id,
    }
    description = api.get(f"{ard.url}/openapi.json", timeout=9).json()
    for path, methods in description["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                values = [existing[parameter["name"]]] if parameter["name"] in existing else []
                if parameter["name"] == "name":
                    values = [f"{select_id}.geojson"] if "select" in path else ["our-credentials"]
                if values and parameter["in"] == "path":
                    parameter["schema"] = {"anyOf": [{"enum": values}, {"type": "string"}]}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                fields = content["schema"].get("properties", {})
                if "bbox" in fields:
                    fields["bbox"] = {"enum": [bounds]}
                    fields.pop("intersects", None)
                if "acquisitions" in fields:
                    fields["acquisitions"] = {"enum": [order["acquisitions"]]}
                    fields["output_config"] = {"enum": [destination]}
    return description
