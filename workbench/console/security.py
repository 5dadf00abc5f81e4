"""What keeps other web pages, and other programs' pages on this machine, away from the console.

- The server listens on 127.0.0.1 only. A request whose `Host` is not its own address is refused,
  so a foreign name that resolves to 127.0.0.1 (DNS rebinding) leads nowhere.
- Nothing allows other origins to read an answer: there is no CORS header, and a browser that says
  by `Sec-Fetch-Site` or `Origin` that another site asks for an action is refused.
- An action needs the token that stands in the console's own pages, new with each start.
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
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Checks each request before a page sees it, and each answer before it leaves.

    Args:
        port: the port of the console's own address.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(24)
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    async def __call__(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Refuse what does not come from the console's own pages."""
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
        if request.headers.get("sec-fetch-site") == "cross-site" and not _is_link(request):
            return "another site asks"
        if request.method in _SAFE:
            return ""
        if request.headers.get("origin", next(iter(self._origins))) not in self._origins:
            return "another page asks"
        await request.body()  # so that the page can read the form once more
        form = await request.form()
        given = form.get(TOKEN_FIELD)
        if not isinstance(given, str) or not secrets.compare_digest(given, self.token):
            return (
                "the page is not of this console, or is from before it was started; load it again"
            )
        return ""


def _is_link(request: Request) -> bool:
    """Tell whether a person followed a link here; another site may bring about no more."""
    return request.method in _SAFE and request.headers.get("sec-fetch-mode") == "navigate"


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
