"""What keeps other web pages, and other programs' pages on this machine, away from the console.

- The server listens on 127.0.0.1 only. A request whose `Host` is not its own address is refused,
  so a foreign name that resolves to 127.0.0.1 (DNS rebinding) leads nowhere.
- Another page can do no more than link here. What a browser asks for on its behalf, be it a frame,
  an image, a script's request or a prefetch, is refused before a page is made, since making one
  calls AWS. No answer has a CORS header.
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
        if request.headers.get("origin", next(iter(self._origins))) not in self._origins:
            return "another page asks"
        if not (_is_own(request) or _is_link(request)):
            return "another page asks"
        if request.method in _SAFE:
            return ""
        await request.body()  # so that the page can read the form once more
        form = await request.form()
        given = form.get(TOKEN_FIELD)
        if not isinstance(given, str) or not secrets.compare_digest(given, self.token):
            return (
                "the page is not of this console, or is from before it was started; load it again"
            )
        return ""


def _is_own(request: Request) -> bool:
    """Return whether a person, a program or a page of the console asks; none is in a frame."""
    site = request.headers.get("sec-fetch-site", "none")
    return site in {"none", "same-origin"} and request.headers.get("sec-fetch-dest") not in _FRAMES


def _is_link(request: Request) -> bool:
    """Return whether a link to the console was followed, and not merely fetched beforehand."""
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
