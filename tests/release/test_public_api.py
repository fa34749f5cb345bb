from __future__ import annotations

import difflib

from tests.release.public_api import SNAPSHOT, snapshot


def test_public_api_equals_snapshot():
    """After an intended change, run `make api-snapshot` and describe the change in the changelog."""
    recorded = SNAPSHOT.read_text()
    difference = difflib.unified_diff(
        recorded.splitlines(), snapshot().splitlines(), "recorded", "current", lineterm=""
    )
    assert "\n".join(difference) == ""
