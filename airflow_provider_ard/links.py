"""Links on a task in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

ORDER_URL_KEY = "order_url"


class ArdOrderLink(BaseOperatorLink):
    """The order at the ARD API, known as soon as it exists."""

    name = "ARD order"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the order's address, empty until there is an order."""
        return XCom.get_value(ti_key=ti_key, key=ORDER_URL_KEY) or ""
