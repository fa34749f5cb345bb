"""Delivered imagery as Airflow assets (datasets in Airflow 2), and the URIs of delivered files."""

from airflow_provider_ard.api.delivery.layout import (
    acquisition_collection_uri,
    item_uri,
    request_uri,
    root_collection_uri,
)
from airflow_provider_ard.assets.delivery import delivered_orders, delivery_asset

__all__ = [
    "acquisition_collection_uri",
    "delivered_orders",
    "delivery_asset",
    "item_uri",
    "request_uri",
    "root_collection_uri",
]
