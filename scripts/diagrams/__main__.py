"""Draw the diagrams of the documentation: `python scripts/diagrams [--check]`.

Writes them to `docs/images`. With `--check`, exit code 1 if they are not current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from data_flow import data_flow
from deployment import deployment
from order_life_cycle import order_life_cycle

IMAGES = Path(__file__).parents[2] / "docs" / "images"
DIAGRAMS = {"order-life-cycle": order_life_cycle, "deployment": deployment, "data-flow": data_flow}


def main(arguments: list[str]) -> int:
    """Write or check the files, and return the exit code."""
    for name, draw in DIAGRAMS.items():
        path, svg = IMAGES / f"{name}.svg", draw().svg()
        if "--check" not in arguments:
            path.write_text(svg, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != svg:
            sys.stderr.write(f"{path.name} is not current; run python scripts/diagrams\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
