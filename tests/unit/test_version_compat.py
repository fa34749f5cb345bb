"""Names of Airflow: all exist in the installed version, and only `version_compat` knows where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import airflow_provider_ard
from airflow_provider_ard import version_compat

PACKAGE = Path(airflow_provider_ard.__file__).parent
# OpenLineage's facets come with its provider, which needs this package.
COMPAT = re.compile(r"airflow\.providers\.common\.compat(?!\.openlineage)")


@pytest.mark.parametrize("name", version_compat.__all__)
def test_name_exists_in_this_version_of_airflow(name):
    assert getattr(version_compat, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError):
        version_compat.NoSuchName  # noqa: B018


def test_no_location_is_an_import_error():
    with pytest.raises(ImportError, match=r"none of these exists: airflow:NoSuchName"):
        version_compat.import_first("airflow:NoSuchName", "no_such_module:Name")


def test_common_compat_is_not_needed():
    assert [path.name for path in PACKAGE.rglob("*.py") if COMPAT.search(path.read_text())] == []
