"""The command line of the demo: `python -m demo`, or `make demo`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from demo.interrupt import Interrupts


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Order, wait and ingest on a real Airflow, with a local S3 server and a local ARD API.",
    )
    parser.add_argument("--order-duration", default="20s", help="how long an order takes, as 20s or 3m (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path(".demo"), help="recreated each time (default: %(default)s)")
    parser.add_argument("--airflow-port", type=int, default=0, help="of 127.0.0.1; any free one by default")
    parser.add_argument("--sandbox-port", type=int, default=0, help="the same, for the ARD API")
    parser.add_argument("--s3-port", type=int, default=0, help="the same, for the S3 server")
    parser.add_argument("--keep", action="store_true", help="keep everything running until Ctrl-C")
    return parser.parse_args()


def main() -> int:
    """Run the demo; 0 if every delivered tile was ingested, 1 if not, 128 + signal if interrupted."""
    options = arguments()
    # Before the imports below, which take seconds, so that Ctrl-C is handled from the start.
    interrupts = Interrupts()
    from demo.runner import run  # noqa: PLC0415

    return run(options, interrupts)


if __name__ == "__main__":
    sys.exit(main())
