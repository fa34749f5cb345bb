from __future__ import annotations

import difflib

from tests.release.public_api import SNAPSHOT, snapshot


def test_the_public_api_is_what_was_agreed_on():
    """A change is a decision: `make api-snapshot` records it, the changelog describes it."""
    agreed = SNAPSHOT.read_text()
    difference = difflib.unified_diff(agreed.splitlines(), snapshot().splitlines(), "agreed", "now", lineterm="")
    assert "\n".join(difference) == ""
