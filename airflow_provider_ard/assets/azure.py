"""`az://container/prefix` as an asset's URI; listed in the provider's metadata, so that Airflow calls it.

Airflow's Azure provider handles no assets of storage containers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.openlineage.facet import Dataset

    from airflow_provider_ard.version_compat import Asset


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the URI unchanged; raise ValueError without a container."""
    if not uri.netloc:
        raise ValueError(f"URI az:// must contain a container, got {uri.geturl()!r}")
    return uri


def convert_asset_to_openlineage(asset: Asset, lineage_context: object) -> Dataset:  # noqa: ARG001
    """Return the OpenLineage dataset of an asset, the same as in the lineage of an order."""
    from airflow.providers.common.compat.openlineage.facet import Dataset  # noqa: PLC0415 -- needs OpenLineage

    container, _, prefix = unquote(asset.uri).removeprefix("az://").partition("/")
    return Dataset(namespace=f"wasbs://{container}", name=prefix or "/")
