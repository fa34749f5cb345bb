"""The command line: `ard-sandbox` or `python -m airflow_provider_ard.sandbox`."""

import errno
import json
import logging
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path

import click

from airflow_provider_ard.sandbox.assumptions import describe_assumptions, parse_assumptions

try:
    from airflow_provider_ard.sandbox.faults.kinds import describe_kinds
    from airflow_provider_ard.sandbox.faults.rules import parse_rule
    from airflow_provider_ard.sandbox.server import Sandbox
except ModuleNotFoundError as missing:
    sys.exit(f"ard-sandbox requires airflow-provider-ard[sandbox]: {missing}")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("command", type=click.Choice(["serve"]), default="serve")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8081, help="Port to listen on; 0 picks a free port.")
@click.option("--order-duration", default="20s", help="Minimum time an order runs: 0.2s, 20s, 3m, 12h, 3d.")
@click.option("--order-status-calls", type=int, help="End an order at its Nth status call instead of by time.")
@click.option("--select-duration", default="0s", help="Time a Select runs.")
@click.option(
    "--storage",
    default="./delivered",
    help="Folder, file:// or s3:// URL to deliver under; s3: buckets of the S3 server; cloud: platform of each order.",
)
@click.option("--s3-endpoint", help="URL of the S3 server; credentials are read from the environment.")
@click.option("--gcs-endpoint", help="URL of the Google Cloud Storage server.")
@click.option(
    "--azure-endpoint",
    help="URL of the account on the Azure Blob Storage server, such as http://127.0.0.1:10000/devstoreaccount1.",
)
@click.option("--tls", is_flag=True, help="Serve https; the path of the CA certificate is printed on start.")
@click.option(
    "--catalog",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="GeoJSON file, one feature per tile, to use in place of the bundled catalog; may be repeated.",
)
@click.option("--token-lifetime", default="12h", help="Lifetime of an access token.")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    help="Spending limit of the account per year: fresh, standard, training or annual=AMOUNT; may be repeated.",
)
@click.option(
    "--clock-rate",
    default=1.0,
    help="Seconds of the sandbox's clock per real second; 86400: a day per second. It applies to orders, tokens, SAS "
    "URLs, signed links and the age of imagery.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="SQLite file that keeps the state, with --tls the certificate as well, across restarts and kills.",
)
@click.option("--pixels", default=512, help="Width of a cell in delivered visual images, in pixels.")
@click.option("--seed", default=0, help="Seed of order IDs and of random faults.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="RULE",
    help="Fault rule such as 'kind=status,endpoint=POST /order,status=503,nth=1'; may be repeated.",
)
@click.option(
    "--list-faults",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, value: _show(context, describe_kinds()) if value else None,
    help="Show the kinds of fault with their options, and exit.",
)
@click.option(
    "--assume",
    "assumptions",
    multiple=True,
    metavar="NAME=VALUE",
    help="Assumption about undocumented behavior, such as success_status=FINISHED; may be repeated.",
)
@click.option(
    "--list-assumptions",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, value: _show(context, describe_assumptions()) if value else None,
    help="Show the assumptions with their values, the default first, and exit.",
)
def main(
    *,
    command: str,  # noqa: ARG001 - the only command
    host: str,
    port: int,
    order_duration: str,
    order_status_calls: int | None,
    storage: str,
    select_duration: str,
    s3_endpoint: str | None,
    gcs_endpoint: str | None,
    azure_endpoint: str | None,
    tls: bool,
    catalog: tuple[Path, ...],
    token_lifetime: str,
    limits: tuple[str, ...],
    clock_rate: float,
    state: Path | None,
    pixels: int,
    seed: int,
    faults: tuple[str, ...],
    assumptions: tuple[str, ...],
) -> None:
    """Run a local ARD API until interrupted; prints its URL, login and password as one line of JSON."""
    try:
        rules = [parse_rule(value) for value in faults]
        sandbox = Sandbox(
            host=host,
            port=port,
            order_duration=order_duration,
            order_status_calls=order_status_calls,
            storage=storage,
            select_duration=select_duration,
            s3_endpoint=s3_endpoint,
            gcs_endpoint=gcs_endpoint,
            azure_endpoint=azure_endpoint,
            tls=tls,
            catalog=catalog,
            token_lifetime=token_lifetime,
            limits=dict(_parse_limit(value) for value in limits),
            clock_rate=clock_rate,
            state=state,
            pixels=pixels,
            seed=seed,
            assumptions=parse_assumptions(assumptions),
        )
        for rule in rules:
            sandbox.faults.add(**rule)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        sandbox.start()
    except OSError as error:
        sandbox.close()
        raise click.ClickException(_bind_error(host, port, error)) from error
    with closing(sandbox):
        click.echo(json.dumps(sandbox.describe()))
        sys.stdout.flush()
        stopped.wait()


def _show(context: click.Context, text: str) -> None:
    click.echo(text)
    context.exit()


def _bind_error(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; set another with --port"
    return f"port {port} of {host} cannot be used: {error.strerror}"


def _parse_limit(value: str) -> tuple[str, float]:
    name, _, amount = value.partition("=")
    try:
        return name.strip(), float(amount)
    except ValueError as error:
        raise ValueError(f"limit: expected NAME=AMOUNT such as annual=15000, got {value!r}") from error


if __name__ == "__main__":
    main()
