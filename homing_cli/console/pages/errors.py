"""The pages that the console shows for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def no_page(request: Request, _: Exception) -> Response:
    """Return the page for an unknown address."""
    return _page(request, 404, "Page not found", "Check the address.")


def not_found(request: Request, error: Exception) -> Response:
    """Return the page for a message, delivery or dead letter that does not exist."""
    return _page(request, 404, "Not found", str(error))


def bad_request(request: Request, error: Exception) -> Response:
    """Return the page for a request that is not valid."""
    return _page(request, 400, "The request is not valid", str(error))


def refused(request: Request, error: Exception) -> Response:
    """Return the page for an error of AWS or the local cloud."""
    title = "AWS or the local cloud returned an error"
    return _page(request, 502, title, f"{type(error).__name__}: {error}")


def _page(request: Request, status: int, title: str, detail: str) -> Response:
    return services_of(request).view.page(request, "error.html", status, title=title, detail=detail)
