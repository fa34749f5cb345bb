"""Local storage servers for the three clouds: moto, gcp-storage-emulator and Azurite."""

from __future__ import annotations

import base64
import fcntl
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import fsspec
import requests
from azure.storage.blob import AccountSasPermissions, BlobServiceClient, ResourceTypes, generate_account_sas
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gcsfs.core import GCSFileSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
NODE = REPOSITORY / ".node"
AZURITE = "azurite@3.37.0"
ACCOUNT = "devstoreaccount1"
# The public default key from Azurite's documentation.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
KEY_FILE = base64.b64encode(json.dumps({"type": "service_account", "private_key": "s3cr3t"}).encode()).decode()


def azurite() -> Path:
    """Return the script of Azurite's blob service, after installing it from npm if necessary."""
    script = NODE / "node_modules/azurite/dist/src/blob/main.js"
    NODE.mkdir(exist_ok=True)
    with (NODE / ".lock").open("w") as lock:
        # Test files run in parallel, and any of them may be the first.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not script.exists():
            npm = shutil.which("npm")
            assert npm, "Azurite needs node and npm"
            quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
            subprocess.run([npm, "install", "--prefix", str(NODE), *quiet, AZURITE], check=True, timeout=280)
    return script


@contextmanager
def server(*command: str) -> Iterator[int]:
    """Run a server on a free port, which replaces PORT in its command, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [str(port) if argument == "PORT" else argument for argument in command]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            assert process.poll() is None, f"{command[0]} exited with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} is not listening on port {port}"
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _TokenHandler(BaseHTTPRequestHandler):
    """Google's OAuth token endpoint; the storage emulator accepts any token."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "ya29.of-the-emulator", "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Suppress the request log on stderr."""


@contextmanager
def token_server() -> Iterator[str]:
    """Run a token server for service accounts and yield its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _TokenHandler) as token_endpoint:
        threading.Thread(target=token_endpoint.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{token_endpoint.server_port}/token"
        finally:
            token_endpoint.shutdown()


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*encoding).decode()


class Clouds(NamedTuple):
    """URLs of the servers, each with a bucket or container `tiles`."""

    s3: str
    gcs: str
    azure: str
    tokens: str

    def sas(self, lifetime: timedelta = timedelta(hours=1)) -> str:
        """Return a SAS URL in Azure's form; the sandbox replaces the host with Azurite's."""
        signature = generate_account_sas(
            ACCOUNT,
            ACCOUNT_KEY,
            resource_types=ResourceTypes(container=True, object=True),
            permission=AccountSasPermissions(read=True, write=True, list=True, create=True, delete=True),
            expiry=datetime.now(UTC) + lifetime,
        )
        return f"https://{ACCOUNT}.blob.core.windows.net/?{signature}"

    def config(self, platform: str, bucket: str = "tiles") -> dict[str, Any]:
        """Return an output_config for a platform."""
        location = {"bucket": bucket, "prefix": "a/b"}
        return {
            "s3": {"amazon_s3": location},
            "gcs": {"google_cloud_storage": {**location, "service_credentials": KEY_FILE}},
            "azure": {"azure_blob_storage": {"container": bucket, "prefix": "a/b", "sas_url": self.sas()}},
        }[platform]

    @property
    def connections(self) -> dict[str, str]:
        """Environment variables of the Airflow Connections `clouds_s3`, `clouds_gcs` and `clouds_azure` to the servers."""
        s3 = {"endpoint_url": self.s3, "region_name": "us-east-1"}
        # A key file, because only the newest versions of Airflow's Google provider support anonymous access.
        key = {
            "type": "service_account",
            "project_id": "p",
            "private_key": _private_key(),
            "client_email": "ingest@p.example",
            "token_uri": self.tokens,
        }
        account = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY}"
        fields = {
            "s3": {"conn_type": "aws", "login": "k", "password": "s", "extra": s3},
            "gcs": {
                "conn_type": "google_cloud_platform",
                "extra": {"keyfile_dict": json.dumps(key), "project": "p", "gcs.endpoint": self.gcs},
            },
            "azure": {
                "conn_type": "wasb",
                "extra": {"connection_string": f"{account};BlobEndpoint={self.azure};"},
            },
        }
        connections = {f"AIRFLOW_CONN_CLOUDS_{name.upper()}": json.dumps(conn) for name, conn in fields.items()}
        # Otherwise gcsfs queries each bucket's type over gRPC for minutes; no emulator supports that.
        return connections | {"GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}

    def make_bucket(self, name: str) -> None:
        """Create a bucket or container on each server."""
        requests.put(f"{self.s3}/{name}", timeout=9).raise_for_status()
        requests.post(f"{self.gcs}/storage/v1/b?project=p", json={"name": name}, timeout=9).raise_for_status()
        with BlobServiceClient(self.azure, credential=ACCOUNT_KEY) as service:
            service.create_container(name).close()

    def files(self, platform: str) -> fsspec.AbstractFileSystem:
        """Return a filesystem for a platform, with other credentials than the sandbox uses."""
        if platform == "s3":
            return fsspec.filesystem(
                "s3", key="k", secret="s", endpoint_url=self.s3, client_kwargs={"region_name": "us-east-1"}
            )
        if platform == "gcs":
            return GCSFileSystem(token="anon", endpoint_url=self.gcs)
        endpoint = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY}"
        return fsspec.filesystem("abfs", connection_string=f"{endpoint};BlobEndpoint={self.azure};")


@contextmanager
def three_clouds() -> Iterator[Clouds]:
    """Run all three storage servers and the token server."""
    with ExitStack() as stack:
        s3 = stack.enter_context(server(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "PORT"))
        gcs = stack.enter_context(
            server(
                sys.executable,
                *("-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", "PORT", "--in-memory"),
            )
        )
        blob = ("--blobHost", "127.0.0.1", "--blobPort", "PORT", "--inMemoryPersistence")
        azure = stack.enter_context(
            server("node", str(azurite()), *blob, "--skipApiVersionCheck", "--disableTelemetry", "--silent")
        )
        tokens = stack.enter_context(token_server())
        clouds = Clouds(
            f"http://127.0.0.1:{s3}", f"http://127.0.0.1:{gcs}", f"http://127.0.0.1:{azure}/{ACCOUNT}", tokens
        )
        clouds.make_bucket("tiles")
        yield clouds
