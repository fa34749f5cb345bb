"""Draw the diagrams of the documentation and the badges of the README: `python scripts/diagrams [--check]`.

Writes them to `docs/images`. With `--check`, exit code 1 if they are not current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from badges import airflow_badge, license_badge, python_badge
from data_flow import data_flow
from deployment import deployment
from order_life_cycle import order_life_cycle

IMAGES = Path(__file__).parents[2] / "docs" / "images"
DIAGRAMS = {"order-life-cycle": order_life_cycle, "deployment": deployment, "data-flow": data_flow}
BADGES = {"badge-airflow": airflow_badge, "badge-python": python_badge, "badge-license": license_badge}


def main(arguments: list[str]) -> int:
    """Write or check the files, and return the exit code."""
    images = {name: draw().svg() for name, draw in DIAGRAMS.items()} | {name: draw() for name, draw in BADGES.items()}
    for name, svg in images.items():
        path = IMAGES / f"{name}.svg"
        if "--check" not in arguments:
            path.write_text(svg, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != svg:
            sys.stderr.write(f"{path.name} is not current; run python scripts/diagrams\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
