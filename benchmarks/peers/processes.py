"""The process of a client: its environment, start and outcome."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_ard.sandbox import Sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venv-peers" / "bin" / "python"
READ_TIMEOUT_S, POKE_S = 2.0, 1.0


def environment(
    server: Sandbox, home: str, token: str, *, namespace: str = "", proxy_url: str | None = None
) -> dict[str, str]:
    """Return the environment of a client's process. `namespace`: name of the deployment that shares the account."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.upper().startswith(("AIRFLOW", "ARD_")) and not key.lower().endswith("_proxy")
    }
    extra = {"timeout": READ_TIMEOUT_S, "namespace": namespace} if namespace else {"timeout": READ_TIMEOUT_S}
    env = inherited | {
        "HOME": home,
        "AIRFLOW_HOME": home,
        "AIRFLOW_CONN_ARD_DEFAULT": json.dumps(json.loads(server.connection_json) | {"extra": extra}),
        "AIRFLOW_CONN_HTTP_DEFAULT": json.dumps({"conn_type": "http", "host": server.url}),
        "ARD_USERNAME": server.login,
        "ARD_PASSWORD": server.password,
        "MAXAR_ARD_HOSTNAME": f"{server.url.removeprefix('https://')}/api/v1",
        "PEER_URL": server.url,
        "PEER_TOKEN": token,
        "PEER_TIMEOUT": str(READ_TIMEOUT_S),
        "PEER_POKE": str(POKE_S),
    }
    if proxy_url:
        env |= {"HTTP_PROXY": proxy_url, "HTTPS_PROXY": proxy_url, "http_proxy": proxy_url, "https_proxy": proxy_url}
    return env | ({"REQUESTS_CA_BUNDLE": server.ca_file} if server.ca_file else {})


def start(client: str, action: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start the process of a client; `action` is "order" or "wait"."""
    command = [str(PYTHON), str(Path(__file__).with_name("clients.py")), client, action]
    # A file, because a client with much output would block on an unread pipe.
    log = (Path(env["HOME"]) / "stderr").open("w")
    with log:
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True, cwd=env["HOME"])


def outcome(process: subprocess.Popen[str], env: dict[str, str], limit: float) -> dict[str, Any] | None:
    """Return the outcome that a client prints; kill it and return None if it runs longer than `limit` seconds."""
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    if process.returncode:
        raise RuntimeError(f"{process.args}: {(Path(env['HOME']) / 'stderr').read_text()[-2000:]}")
    return dict(json.loads(output.splitlines()[-1]))
