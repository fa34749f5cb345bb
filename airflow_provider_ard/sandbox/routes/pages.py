"""HTML pages: orders with their map at `/`, the API description at `/docs`."""

from importlib import resources

from fastapi import APIRouter
from fastapi.responses import HTMLResponse


def router() -> APIRouter:
    """Return the routes of the pages, which load no external resources."""
    routes = APIRouter(include_in_schema=False)
    folder = resources.files("airflow_provider_ard.sandbox").joinpath("pages")

    @routes.get("/")
    def status() -> HTMLResponse:
        return HTMLResponse(folder.joinpath("status.html").read_text(encoding="utf-8"))

    @routes.get("/docs")
    def docs() -> HTMLResponse:
        return HTMLResponse(folder.joinpath("docs.html").read_text(encoding="utf-8"))

    return routes
