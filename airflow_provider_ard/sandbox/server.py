"""The sandbox as an object: a server in a thread, and handles on all that happens in it."""

import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import uvicorn

from airflow_provider_ard.sandbox.app import build
from airflow_provider_ard.sandbox.backend.catalog import Catalog
from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.durations import Duration, seconds
from airflow_provider_ard.sandbox.backend.orders import FAILED, SUCCEEDED, Order
from airflow_provider_ard.sandbox.backend.outbox import Notification
from airflow_provider_ard.sandbox.backend.pricing import DEFAULT_PRICES
from airflow_provider_ard.sandbox.backend.request_log import RequestRecord
from airflow_provider_ard.sandbox.backend.state import Settings, State
from airflow_provider_ard.sandbox.faults.middleware import TransportProtocol
from airflow_provider_ard.sandbox.faults.rules import Faults
from airflow_provider_ard.sandbox.rendering.storage import Servers, Storage
from airflow_provider_ard.sandbox.tls import TlsFiles, issue, issue_once

START_TIMEOUT = 20.0
# All of the bundled catalogue; another one may have thousands.
_MOST_TOLD = 20


class Sandbox:
    """A local ARD API: ``with Sandbox(order_duration="0.2s", storage=folder) as ard: ...``.

    ``order_duration``, ``token_lifetime``: ``"0.2s"``, ``"3m"``, ``"12h"``, seconds or a timedelta.
    ``order_status_calls``: orders end at their Nth status call instead of by time.
    ``select_duration``: how long a Select runs.
    ``storage``: a folder or URL under which every destination lands as ``<storage>/<bucket>/<prefix>``; ``"s3"``
    writes to the very bucket an order names; ``"cloud"`` does so on the platform that it names; None delivers
    nothing, and orders succeed all the same.
    ``s3_endpoint``, ``s3_key``, ``s3_secret``: the S3 server; credentials default to those of the environment.
    ``gcs_endpoint``, ``azure_endpoint``: servers for the other platforms; the latter is the URL of the account.
    ``catalog``: GeoJSON file or files in place of the one that ships with the package.
    ``port``: 0 for any free one, kept over ``stop()`` and ``start()``. ``tls``: https, with a CA in ``ca_file``.
    ``prices``: per km² for ``fresh``, ``standard`` and ``training`` imagery; None where it cannot be ordered.
    ``limits``: what may be spent in a year on each of these, and ``annual`` for all; a missing one is no limit.
    ``clock_rate``: how many seconds of the sandbox's clock pass in a real one.
    ``state``: a SQLite file that keeps orders, tokens, Selects, monitors, credentials, notifications and the clock,
    and with TLS the certificate beside it; a sandbox that is started on it again goes on where the last one ended.
    ``today``: the day that ages are reckoned by; by default the one the catalogue names, else the calendar's.
    ``pixels``: across a cell, in the visual and panchromatic images (multispectral ones have a quarter).
    ``seed``: of order IDs and of the chance in faults.
    """

    def __init__(
        self,
        *,
        order_duration: Duration = "0.2s",
        order_status_calls: int | None = None,
        select_duration: Duration = 0.0,
        storage: str | Path | None = None,
        s3_endpoint: str | None = None,
        s3_key: str | None = None,
        s3_secret: str | None = None,
        gcs_endpoint: str | None = None,
        azure_endpoint: str | None = None,
        catalog: str | Path | Sequence[str | Path] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        token_lifetime: Duration = "12h",  # noqa: S107 - a duration
        rotate_refresh_tokens: bool = False,
        prices: Mapping[str, float | None] = DEFAULT_PRICES,
        limits: Mapping[str, float] | None = None,
        today: date | None = None,
        clock_rate: float = 1.0,
        state: str | Path | None = None,
        pixels: int = 512,
        seed: int = 0,
    ) -> None:
        paths = [catalog] if isinstance(catalog, str | Path) else list(catalog or ())
        servers = Servers(s3_endpoint, s3_key, s3_secret, gcs_endpoint, azure_endpoint)
        settings = Settings(
            storage=None if storage is None else Storage(storage, servers),
            order_duration=seconds(order_duration),
            order_status_calls=order_status_calls,
            select_duration=seconds(select_duration),
            token_lifetime=seconds(token_lifetime),
            rotate_refresh_tokens=rotate_refresh_tokens,
            prices=prices,
            limits=limits or {},
            today=today,
            clock_rate=clock_rate,
            state=None if state is None else Path(state),
            pixels=pixels,
            seed=seed,
        )
        # A copy, since tiles may be published to it.
        self._state = State(Catalog.load(paths).copy(), settings)
        self._app = build(self._state)
        self._host = host
        self._port = port
        self._folder: Path | None = None
        self._tls: TlsFiles | None = None
        if tls and state is not None:
            self._tls = issue_once(Path(f"{state}.tls"))
        elif tls:
            self._folder = Path(tempfile.mkdtemp(prefix="ard-sandbox-"))
            self._tls = issue(self._folder)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Listen; returns when requests are being served. After ``stop()`` it is the same port and state."""
        if self._thread is not None:
            raise RuntimeError("the sandbox is running already")
        # The protocol is spelled out, or asyncio leaves Nagle's algorithm on and every answer takes 40 ms more.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            http=TransportProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=str(self._tls.server) if self._tls else None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="ard-sandbox", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start; see its log")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop listening and hang up on everybody; what the sandbox knows stays, and deliveries go on."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._server = self._thread = None

    def close(self) -> None:
        """Stop for good: drop deliveries not yet begun, wait for the others, remove the certificate."""
        self.stop()
        self._state.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """Scheme, host and port, without a path or a closing slash; known once started."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    @property
    def ca_file(self) -> str | None:
        """Path of the CA certificate to trust (PEM), with TLS; else None."""
        return str(self._tls.ca) if self._tls else None

    @property
    def login(self) -> str:
        """The user's name; an administrator of the account."""
        return self._state.account.admin.login

    @property
    def password(self) -> str:
        """The user's password."""
        return self._state.account.admin.password

    @property
    def member(self) -> tuple[str, str]:
        """Name and password of a second user, who is no administrator."""
        return self._state.account.member.login, self._state.account.member.password

    @property
    def client_id(self) -> str:
        """The ID for a login by client credentials."""
        return self._state.account.client_id

    @property
    def client_secret(self) -> str:
        """The secret for a login by client credentials."""
        return self._state.account.client_secret

    @property
    def connection_json(self) -> str:
        """An Airflow connection to the sandbox, as JSON."""
        extra = {"verify": self.ca_file} if self.ca_file else {}
        connection = {"conn_type": "ard", "host": self.url, "login": self.login, "password": self.password}
        return json.dumps({**connection, "extra": extra})

    @property
    def connection_uri(self) -> str:
        """An Airflow connection to the sandbox, as a URI."""
        user, password, host = (quote(text, safe="") for text in (self.login, self.password, self.url))
        extra = f"/?verify={quote(self.ca_file, safe='')}" if self.ca_file else ""
        return f"ard://{user}:{password}@{host}{extra}"

    @property
    def acquisitions(self) -> list[str]:
        """The IDs of all acquisitions in the catalogue."""
        return self._state.catalog.acquisitions

    def cells(self, acquisition_id: str) -> list[str]:
        """Return the cells of an acquisition; KeyError if the catalogue does not have it."""
        return list(self._state.catalog.tiles(acquisition_id))

    @property
    def orders(self) -> list[Order]:
        """Every order accepted, oldest first, as it stands now."""
        return self._state.orders.all()

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request received, oldest first."""
        return self._state.journal.all()

    @property
    def submissions(self) -> list[RequestRecord]:
        """The requests that meant to place an order (no dry runs), whatever came of them."""
        return [record for record in self.requests if record.dry_run is False]

    @property
    def faults(self) -> Faults:
        """The faults in force: ``faults.add("POST /order", kind="reset_after", nth=1)``."""
        return self._state.faults

    @property
    def clock(self) -> Clock:
        """The sandbox's clock: ``clock.advance("3d")``, ``clock.set(...)``, ``clock.run_at(86400)``."""
        return self._state.clock

    @property
    def notifications(self) -> list[Notification]:
        """Every notification that was sent, oldest first; none of them went anywhere."""
        return self._state.notifications

    def store_credentials(self, credentials_id: str, secret: str, description: str | None = None) -> None:
        """Store a SAS URL, or a key file in base64, as an administrator would."""
        self._state.vault.put(credentials_id, secret, description)

    def publish(self, document: Mapping[str, Any]) -> int:
        """Add the tiles of a GeoJSON document to the catalogue, and return how many are new; monitors are told.

        Raises ValueError for what is not a catalogue.
        """
        return len(self._state.publish(dict(document)))

    def fail_order(self, order_id: str, message: str = "The order failed", status: str = FAILED) -> None:
        """End an order in failure, now. ``status`` may be any text, for a status that nobody knows."""
        self._state.orders.end(order_id, status, message)

    def finish_order(self, order_id: str) -> None:
        """End an order in success, now, whatever has been delivered."""
        self._state.orders.end(order_id, SUCCEEDED)

    def expire_tokens(self) -> None:
        """End every access token handed out so far."""
        self._state.tokens.expire()

    def wait_for_deliveries(self) -> None:
        """Wait until nothing is being delivered."""
        self._state.orders.wait()

    def describe(self) -> dict[str, Any]:
        """Return what a client needs to know, as the command line prints it."""
        storage = self._state.storage
        return {
            "url": self.url,
            **({"ca_file": self.ca_file} if self.ca_file else {}),
            "login": self.login,
            "password": self.password,
            "acquisitions": self.acquisitions[:_MOST_TOLD],
            **(storage.describe() if storage else {}),
        }
