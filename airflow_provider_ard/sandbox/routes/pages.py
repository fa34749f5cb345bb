"""HTML pages: orders with their map at `/`, the API description at `/docs`."""

from importlib import resources

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

# The pages load no external resources.
router = APIRouter(include_in_schema=False)
_FOLDER = resources.files("airflow_provider_ard.sandbox").joinpath("pages")


@router.get("/")
def status() -> HTMLResponse:
    """Return the page of the orders."""
    return HTMLResponse(_FOLDER.joinpath("status.html").read_text(encoding="utf-8"))


@router.get("/docs")
def docs() -> HTMLResponse:
    """Return the description of the API."""
    return HTMLResponse(_FOLDER.joinpath("docs.html").read_text(encoding="utf-8"))
