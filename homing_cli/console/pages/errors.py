"""What the console shows where a page cannot be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def no_page(request: Request, _: Exception) -> Response:
    """Say that there is no such page."""
    return _page(request, 404, "There is no such page", "The address may be mistyped.")


def not_found(request: Request, error: Exception) -> Response:
    """Say that what was asked for does not exist."""
    return _page(request, 404, "Not found", str(error))


def bad_request(request: Request, error: Exception) -> Response:
    """Say what is wrong with what was asked."""
    return _page(request, 400, "That cannot be shown", str(error))


def refused(request: Request, error: Exception) -> Response:
    """Say what AWS, or the local cloud, complains of."""
    title = "The cloud did not answer as it should"
    return _page(request, 502, title, f"{type(error).__name__}: {error}")


def _page(request: Request, status: int, title: str, detail: str) -> Response:
    return services_of(request).view.page(request, "error.html", status, title=title, detail=detail)
