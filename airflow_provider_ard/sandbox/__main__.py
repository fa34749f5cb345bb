"""The command line: ``python -m airflow_provider_ard.sandbox``."""

import json
import logging
import signal
import sys
import threading
from pathlib import Path

import click

from airflow_provider_ard.sandbox.faults import KINDS, parse
from airflow_provider_ard.sandbox.server import Sandbox

_KINDS_HELP = "; ".join(f"{kind}: {text}" for kind, text in KINDS.items())


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8080, help="Port to listen on; 0 for any free one.")
@click.option("--order-duration", default="20s", help="How long an order runs at least: 0.2s, 20s, 3m, 12h, 3d.")
@click.option("--order-status-calls", type=int, help="End an order at its Nth status call instead.")
@click.option("--storage", default="./delivered", help="Folder, file:// or s3:// URL to deliver under, or s3.")
@click.option("--s3-endpoint", help="URL of the S3 server; credentials come from the environment.")
@click.option("--tls", is_flag=True, help="Serve https, by a CA whose file is printed on start.")
@click.option(
    "--catalog",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="GeoJSON of tiles to offer in place of the bundled one; may be repeated.",
)
@click.option("--token-lifetime", default="12h", help="Life of an access token.")
@click.option("--pixels", default=512, help="Pixels across a delivered tile.")
@click.option("--seed", default=0, help="Seed of order IDs and of chance in faults.")
@click.option("--fault", "faults", multiple=True, help=f"kind=…,key=value,… ; may be repeated. {_KINDS_HELP}")
def main(
    *,
    host: str,
    port: int,
    order_duration: str,
    order_status_calls: int | None,
    storage: str,
    s3_endpoint: str | None,
    tls: bool,
    catalog: tuple[Path, ...],
    token_lifetime: str,
    pixels: int,
    seed: int,
    faults: tuple[str, ...],
) -> None:
    """Run a local ARD API until interrupted; one JSON line on stdout tells how to reach it."""
    try:
        rules = [parse(text) for text in faults]
        sandbox = Sandbox(
            host=host,
            port=port,
            order_duration=order_duration,
            order_status_calls=order_status_calls,
            storage=storage,
            s3_endpoint=s3_endpoint,
            tls=tls,
            catalog=catalog,
            token_lifetime=token_lifetime,
            pixels=pixels,
            seed=seed,
        )
        for rule in rules:
            sandbox.faults.add(**rule)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with sandbox as ard:
        click.echo(json.dumps(ard.describe()))
        sys.stdout.flush()
        stopped.wait()


if __name__ == "__main__":
    main()
