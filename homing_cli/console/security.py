"""Protection of the console from other web pages, including those of other local programs.

- The server listens on 127.0.0.1 only. A request whose `Host` is not the console's address is
  refused, which prevents DNS rebinding (a foreign name that resolves to 127.0.0.1).
- Another page can only link to the console. A frame, image, script request or prefetch from another
  page is refused before anything is rendered, since rendering calls AWS. No response has a CORS
  header.
- An action needs a token that only the console's own pages contain. The token is new at each start.
- Pages run only scripts that carry the page's nonce, load nothing from elsewhere, and cannot be
  framed.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.middleware.base import RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import Response

TOKEN_FIELD = "csrf"  # noqa: S105 -- a field's name
_SAFE = frozenset({"GET", "HEAD"})
_FRAMES = frozenset({"iframe", "frame", "fencedframe", "embed", "object"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Checks each request before a page handles it, and adds security headers to each response.

    Args:
        port: the port of the console's own address.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(24)
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    async def __call__(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Serve a request, or refuse it if it does not come from the console's own pages."""
        if complaint := await self._complaint(request):
            return PlainTextResponse(f"refused: {complaint}\n", 403)
        request.state.nonce = secrets.token_urlsafe(16)
        request.state.token = self.token
        response = await call_next(request)
        response.headers.update(_HEADERS)
        response.headers["Content-Security-Policy"] = _policy(request.state.nonce)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _complaint(self, request: Request) -> str:
        if request.headers.get("host") not in self._hosts:
            return "this is not the address that the console listens on"
        if request.headers.get("origin", next(iter(self._origins))) not in self._origins:
            return "requests from other pages are refused"
        if not (_is_own(request) or _is_link(request)):
            return "requests from other pages are refused"
        if request.method in _SAFE:
            return ""
        await request.body()  # so that the page can read the form again
        form = await request.form()
        given = form.get(TOKEN_FIELD)
        if not isinstance(given, str) or not secrets.compare_digest(given, self.token):
            return "the form is from another console or an earlier start; load the page again"
        return ""


def _is_own(request: Request) -> bool:
    """Return whether the request was made by the user, a program or the console's own page."""
    site = request.headers.get("sec-fetch-site", "none")
    return site in {"none", "same-origin"} and request.headers.get("sec-fetch-dest") not in _FRAMES


def _is_link(request: Request) -> bool:
    """Return whether the user followed a link to the console; a prefetch is not one."""
    return (
        request.method in _SAFE
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
        and "sec-purpose" not in request.headers
    )


def _policy(nonce: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
