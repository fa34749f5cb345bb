"""Generated files are current: the tables of docs/sandbox-stac.md, in which every difference has a reason, and diagrams."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.docs.markdown import README, REPOSITORY


@pytest.mark.parametrize(("script", "target"), [("stac_table", "stac-table"), ("diagrams", "diagrams")])
def test_generated_files_are_current(script: str, target: str) -> None:
    process = subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts" / script), "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr or f"make {target} writes them"


def test_badges_have_the_text_of_their_images() -> None:
    badges = re.findall(r"^!\[(.+)\]\((docs/images/badge-.+)\)$", README.read_text(), re.MULTILINE)
    assert len(badges) == 3
    assert [text for text, path in badges if f'aria-label="{text}"' not in (REPOSITORY / path).read_text()] == []
