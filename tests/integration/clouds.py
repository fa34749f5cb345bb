"""Real storage servers of the three clouds on this machine: moto, gcp-storage-emulator, Azurite."""

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
# Azurite's own, the same for everybody, as its documentation says.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
KEY_FILE = base64.b64encode(json.dumps({"type": "service_account", "private_key": "s3cr3t"}).encode()).decode()


def azurite() -> Path:
    """Return Azurite's blob service, fetched from npm once."""
    script = NODE / "node_modules/azurite/dist/src/blob/main.js"
    NODE.mkdir(exist_ok=True)
    with (NODE / ".lock").open("w") as lock:
        # Files of tests run side by side, and each may be the first.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not script.exists():
            npm = shutil.which("npm")
            assert npm, "Azurite needs node and npm"
            quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
            subprocess.run([npm, "install", "--prefix", str(NODE), *quiet, AZURITE], check=True, timeout=280)
    return script


@contextmanager
def server(*command: str) -> Iterator[int]:
    """Run a server on the free port that takes the place of PORT, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    filled = [str(port) if word == "PORT" else word for word in command]
    running = subprocess.Popen(filled, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            assert running.poll() is None, f"{command[0]} ended"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.1)
        yield port
    finally:
        running.terminate()
        running.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _Tokens(BaseHTTPRequestHandler):
    """Google's exchange of a signed claim for a token; the storage emulator takes any."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "ya29.of-the-emulator", "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def token_server() -> Iterator[str]:
    """Run a server that gives tokens to service accounts, and yield its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Tokens) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{served.server_port}/token"
        finally:
            served.shutdown()


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*kind).decode()


class Clouds(NamedTuple):
    """The servers' addresses, with a bucket or container ``tiles`` on each."""

    s3: str
    gcs: str
    azure: str
    tokens: str

    def sas(self, lifetime: timedelta = timedelta(hours=1)) -> str:
        """Return a SAS URL as Azure gives it out; the sandbox swaps the host for Azurite's."""
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
        place = {"bucket": bucket, "prefix": "a/b"}
        return {
            "s3": {"amazon_s3": place},
            "gcs": {"google_cloud_storage": {**place, "service_credentials": KEY_FILE}},
            "azure": {"azure_blob_storage": {"container": bucket, "prefix": "a/b", "sas_url": self.sas()}},
        }[platform]

    @property
    def connections(self) -> dict[str, str]:
        """Airflow Connections `clouds_s3`, `clouds_gcs` and `clouds_azure` to the servers, as environment variables."""
        s3 = {"endpoint_url": self.s3, "region_name": "us-east-1"}
        # As everybody has it: Airflow's provider for Google can be anonymous in its newest versions only.
        key = {
            "type": "service_account",
            "project_id": "p",
            "private_key": _private_key(),
            "client_email": "ingest@p.example",
            "token_uri": self.tokens,
        }
        account = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY}"
        found = {
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
        connections = {f"AIRFLOW_CONN_CLOUDS_{name.upper()}": json.dumps(conn) for name, conn in found.items()}
        # Or gcsfs asks for the kind of each bucket over gRPC, which no emulator speaks, for minutes.
        return connections | {"GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}

    def make_bucket(self, name: str) -> None:
        """Make a bucket or container of this name on each."""
        requests.put(f"{self.s3}/{name}", timeout=9).raise_for_status()
        requests.post(f"{self.gcs}/storage/v1/b?project=p", json={"name": name}, timeout=9).raise_for_status()
        with BlobServiceClient(self.azure, credential=ACCOUNT_KEY) as service:
            service.create_container(name).close()

    def files(self, platform: str) -> fsspec.AbstractFileSystem:
        """Return a filesystem of a platform, by other credentials than the sandbox's."""
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
    """Run all three servers."""
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
        found = Clouds(
            f"http://127.0.0.1:{s3}", f"http://127.0.0.1:{gcs}", f"http://127.0.0.1:{azure}/{ACCOUNT}", tokens
        )
        found.make_bucket("tiles")
        yield found
