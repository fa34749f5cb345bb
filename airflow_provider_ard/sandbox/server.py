"""The `Sandbox` class: the server, its state, and what tests read and change in it."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp

from airflow_provider_ard.sandbox.account import SandboxAccount
from airflow_provider_ard.sandbox.app import create_app
from airflow_provider_ard.sandbox.assumptions import Assumptions
from airflow_provider_ard.sandbox.backend.catalog import Catalog
from airflow_provider_ard.sandbox.backend.clock import Clock
from airflow_provider_ard.sandbox.backend.durations import Duration, parse_duration
from airflow_provider_ard.sandbox.backend.pricing import DEFAULT_PRICES
from airflow_provider_ard.sandbox.backend.request_log import RequestRecord
from airflow_provider_ard.sandbox.backend.state import Settings
from airflow_provider_ard.sandbox.backend.tenants import Tenants
from airflow_provider_ard.sandbox.faults.middleware import FaultMiddleware
from airflow_provider_ard.sandbox.faults.rules import Faults
from airflow_provider_ard.sandbox.http_server import HttpServer
from airflow_provider_ard.sandbox.rendering.storage import Storage, StorageServers
from airflow_provider_ard.sandbox.tls import TlsFiles, issue, load_or_issue

# All acquisitions of the bundled catalog; other catalogs may have thousands.
MAX_DESCRIBED_ACQUISITIONS = 25


class Sandbox(SandboxAccount):
    """A local ARD API: `with Sandbox(order_duration="0.2s", storage=folder) as ard: ...`.

    Logins, orders and notifications are those of its default account; `other_account` has the same of another one.

    Durations are `"0.2s"`, `"3m"`, `"12h"`, `"3d"`, seconds or a timedelta.

    order_duration: minimum time an order runs.
    order_status_calls: end orders at their Nth status call instead of by time.
    select_duration: time a Select runs.
    storage: folder or URL to deliver under, as `<storage>/<bucket>/<prefix>`; `"s3"` for the buckets of the S3
        server; `"cloud"` for the platform that each order names; None to succeed without delivering.
    s3_endpoint, s3_key, s3_secret: S3 server; credentials default to those of the environment.
    gcs_endpoint, azure_endpoint: servers of the other platforms; the latter is the URL of the account.
    catalog: GeoJSON file or files to use in place of the bundled catalog.
    port: 0 for any free port, kept across `stop()` and `start()`.
    tls: serve https with a certificate of the CA in `ca_file`.
    token_lifetime: lifetime of access tokens. rotate_refresh_tokens: replace the refresh token at every refresh.
    prices: per km² of `fresh`, `standard` and `training` imagery; None for a class that cannot be ordered.
    limits: maximum cost per calendar year of each class and, as `annual`, of all; no limit where missing.
    today: date from which the age of imagery is computed; defaults to the catalog's `as_of`, else to the clock.
    clock_rate: seconds of the sandbox's clock per real second.
    state: SQLite file for orders, tokens, Selects, monitors, credentials, notifications and the clock, with the TLS
        certificate beside it; a sandbox started with the same file continues from there.
    pixels: width of a cell in the visual images; others are smaller in proportion to their resolution.
    seed: seed of order IDs and of random faults (`probability`).
    assumptions: behavior that the documentation of the API does not define.
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
        assumptions: Assumptions = Assumptions(),  # noqa: B008 - immutable
    ) -> None:
        paths = [catalog] if isinstance(catalog, str | Path) else list(catalog or ())
        servers = StorageServers(s3_endpoint, s3_key, s3_secret, gcs_endpoint, azure_endpoint)
        settings = Settings(
            storage=None if storage is None else Storage(storage, servers),
            order_duration=parse_duration(order_duration),
            order_status_calls=order_status_calls,
            select_duration=parse_duration(select_duration),
            token_lifetime=parse_duration(token_lifetime),
            rotate_refresh_tokens=rotate_refresh_tokens,
            prices=prices,
            limits=limits or {},
            today=today,
            clock_rate=clock_rate,
            state=None if state is None else Path(state),
            pixels=pixels,
            seed=seed,
            assumptions=assumptions,
        )
        # A copy, since tiles may be published to it.
        self._tenants = Tenants(Catalog.load(paths).copy(), settings)
        self._temporary_folder: Path | None = None
        tls_files: TlsFiles | None = None
        if tls and state is not None:
            tls_files = load_or_issue(Path(f"{state}.tls"))
        elif tls:
            self._temporary_folder = Path(tempfile.mkdtemp(prefix="ard-sandbox-"))
            tls_files = issue(self._temporary_folder)
        super().__init__(self._tenants.first, HttpServer(create_app(self._tenants), host, port, tls_files))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Listen, and return when requests are served; after `stop()`, on the same port with the same state."""
        self._server.start()

    def stop(self) -> None:
        """Stop listening and close every connection; state is kept and deliveries continue."""
        self._server.stop()

    def close(self) -> None:
        """Stop for good: drop queued deliveries, wait for running ones, remove the certificate."""
        self.stop()
        self._tenants.close()
        if self._temporary_folder is not None:
            shutil.rmtree(self._temporary_folder, ignore_errors=True)

    def replace_api(self, app: ASGIApp) -> None:
        """Serve another ASGI application in place of the ARD API, with the same request log and faults.

        Takes effect at the next `start()`; the application's paths start with `/api/v1`.
        """
        self._server.app = FaultMiddleware(app, self._state)

    @property
    def other_account(self) -> SandboxAccount:
        """A second account on the same server, whose orders the first cannot see."""
        return SandboxAccount(self._tenants.other, self._server)

    @property
    def settings(self) -> Settings:
        """The arguments of this sandbox, parsed: durations in seconds, paths resolved."""
        return self._state.settings

    @property
    def assumptions(self) -> Assumptions:
        """The assumptions now; assign others to change them while the sandbox runs."""
        return self._state.assumptions

    @assumptions.setter
    def assumptions(self, assumptions: Assumptions) -> None:
        self._tenants.assume(assumptions)

    @property
    def catalog(self) -> Catalog:
        """The tiles that can be ordered: `catalog.tiles(acquisition_id)` by cell ID, iteration over all."""
        return self._state.catalog

    @property
    def acquisitions(self) -> list[str]:
        """The IDs of all acquisitions in the catalog."""
        return self._state.catalog.acquisitions

    def cells(self, acquisition_id: str) -> list[str]:
        """Return the cell IDs of an acquisition; raises KeyError if the catalog does not have it."""
        return list(self._state.catalog.tiles(acquisition_id))

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request received, oldest first."""
        return self._state.request_log.all()

    @property
    def submissions(self) -> list[RequestRecord]:
        """The requests of any account to place an order (no dry runs), accepted or not."""
        return [record for record in self.requests if record.dry_run is False]

    @property
    def faults(self) -> Faults:
        """The active fault rules: `faults.add("POST /order", kind="reset_after_accept", nth=1)`."""
        return self._state.faults

    @property
    def clock(self) -> Clock:
        """The sandbox's clock: `clock.advance("3d")`, `clock.set(...)`, `clock.set_rate(86400)`."""
        return self._state.clock

    def publish(self, document: Mapping[str, Any]) -> int:
        """Add the tiles of a GeoJSON document to the catalog, run the monitors, and return the number of new tiles.

        Raises ValueError if the document is not a catalog.
        """
        return self._tenants.publish(dict(document))

    def expire_tokens(self) -> None:
        """Expire every access token issued so far."""
        self._state.tokens.expire()

    def wait_for_deliveries(self) -> None:
        """Wait until no delivery is queued or running."""
        for state in self._tenants.all:
            state.orders.wait()

    def describe(self) -> dict[str, Any]:
        """Return what a client needs to connect, as the command line prints it."""
        storage = self._state.settings.storage
        return {
            "url": self.url,
            **({"ca_file": self.ca_file} if self.ca_file else {}),
            "login": self.login,
            "password": self.password,
            "acquisitions": self.acquisitions[:MAX_DESCRIBED_ACQUISITIONS],
            **(storage.describe() if storage else {}),
        }
