"""What users search for is found: the right page is the first result of the built site's own search."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.markdown import REPOSITORY

SITE = REPOSITORY / "site"
SEARCHES = {
    "MWAA": "deploying",
    "Composer": "deploying",
    "requirements": "deploying",
    "troubleshoot": "troubleshooting",
    "notify": "monitoring",
    "on_failure": "monitoring",
    "approval": "approval",
    "budget": "budgets",
    "retry": "money",
    "AOI file": "aoi-files",
    "shapefile": "aoi-files",
    "GCS": "gcs-azure",
    "Azure": "gcs-azure",
    "cloud cover": "pipelines",
    "test": "testing",
    "pytest": "testing",
    "XCom": "values",
    "timeout": "waiting",
    "token": "connection",
    "password": "connection",
    "max-ard": "migrating",
    "fault": "sandbox-reference",
    "proxy": "configuration",
    "cancel": "troubleshooting",
    "install": "tutorial",
    "verify": "pipelines",
    "asset": "assets",
    "security": "security",
    "upgrade": "upgrading",
    "ArdOrderOperator": "python",
    "credentials_ids": "connection",
}


@pytest.fixture(scope="session")
def results() -> dict[str, list[str]]:
    """Return the pages that the site's search worker returns for each query, best first."""
    process = subprocess.run(
        ["node", str(Path(__file__).with_name("search.mjs")), str(SITE)],
        input=json.dumps(list(SEARCHES)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(process.stdout)


@pytest.mark.parametrize(("query", "page"), SEARCHES.items())
def test_first_result_is_the_page_of_the_topic(query: str, page: str, results: dict[str, list[str]]) -> None:
    assert results[query][:1] == [f"{page}.html"], results[query][:5]


def test_keywords_are_of_one_existing_page_each() -> None:
    configuration = (REPOSITORY / "mkdocs.yml").read_text()
    keywords = yaml.safe_load(configuration)["extra"]["keywords"]
    words = [word for page in keywords.values() for word in page]
    assert len(words) == len(set(words))
    assert [page for page in keywords if not (REPOSITORY / "docs" / page).exists()] == []
