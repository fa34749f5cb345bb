"""The tables of docs/sandbox-stac.md are those of a delivery, and every difference has a reason."""

from __future__ import annotations

import subprocess
import sys

from tests.docs.markdown import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "stac_table"


def test_table_of_delivered_stac_is_current() -> None:
    process = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr or "make stac-table writes docs/sandbox-stac.md"
