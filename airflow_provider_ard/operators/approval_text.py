"""What `ArdApproveOrderOperator` shows to the person who approves: the price, and what is ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from airflow_provider_ard.api.arguments import pluralize
from airflow_provider_ard.api.errors import ArdBudgetExceeded
from airflow_provider_ard.ordering.budget import (
    check_requested_cells,
    format_area,
    format_balance,
    format_cost,
    is_priced,
    read_balance,
    read_estimate,
)

if TYPE_CHECKING:
    from airflow_provider_ard.api.orders.request import OrderRequest
    from airflow_provider_ard.api.orders.status import Usage

MAX_LISTED = 5


def check_price(usage: Usage, request: OrderRequest) -> None:
    """Raise `ArdBudgetExceeded` for an order that nobody can approve: without a price, or of ignored cells."""
    check_requested_cells(usage, request)
    if read_estimate(usage.total_cost) is None or not is_priced(usage):
        raise ArdBudgetExceeded(
            "the account has no price for this imagery, so there is nothing to approve; nothing was bought",
            balance=read_balance(usage),
        )


def format_subject(usage: Usage) -> str:
    """Return the heading of the request."""
    return f"Order ARD imagery for {format_cost(read_estimate(usage.total_cost) or 0.0)}"


def format_table(usage: Usage, request: OrderRequest) -> str:
    """Return a Markdown table of price, balance, imagery and destination."""
    area, url = read_estimate(usage.area_sqkm), map_url(request)
    rows = {
        "Cost": format_cost(read_estimate(usage.total_cost) or 0.0),
        "Area": "unknown" if area is None else format_area(area),
        "Balance": format_balance(usage),
        "Imagery": _format_imagery(request),
        "AOI": f"[map]({url})" if url else "",
        "Destination": f"`{request.destination.uri}`",
    }
    return "\n".join(["| Order | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items() if value)])


def map_url(request: OrderRequest) -> str:
    """Return the URL of a map with the bounds of the AOI or of the cells; empty for complete acquisitions."""
    bounds = _bounds(request)
    if bounds is None:
        return ""
    names = ("minlon", "minlat", "maxlon", "maxlat")
    query = {name: f"{value:.5f}" for name, value in zip(names, bounds, strict=True)}
    return f"https://www.openstreetmap.org/?{urlencode({**query, 'box': 'yes'})}"


def _bounds(request: OrderRequest) -> tuple[float, float, float, float] | None:
    if request.bbox:
        return request.bbox
    if request.intersects:
        import shapely

        xmin, ymin, xmax, ymax = shapely.from_wkt(request.intersects).bounds
        return xmin, ymin, xmax, ymax
    if not all(cells for _, cells in request.acquisitions):
        return None
    from airflow_provider_ard.api.geo.grid import bounds

    return bounds(cell for _, cells in request.acquisitions for cell in cells)


def _format_imagery(request: OrderRequest) -> str:
    if request.select_id:
        return f"results of Select {request.select_id}"
    ids = [name for name, _ in request.acquisitions]
    more = ", …" if len(ids) > MAX_LISTED else ""
    cells = sum(len(cells) for _, cells in request.acquisitions)
    cells_text = f", {pluralize(cells, 'cell')}" if cells else ""
    return f"{pluralize(len(ids), 'acquisition')}{cells_text}: {', '.join(ids[:MAX_LISTED])}{more}"
