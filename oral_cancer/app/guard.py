"""What is refused before anything is done: other web sites, other names of this computer, and who has no password."""

import base64
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oral_cancer.app.brake import Brake
from oral_cancer.counting import counted

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
SAFE = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere is loaded, nothing written in a page is run."""
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""Of every answer that does not say otherwise."""


def is_loopback(host: str) -> bool:
    """Whether an address is of this computer alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """An application behind a door.

    Args:
        app: the application.
        host: the address that it is served at.
        password: that every request must know; "" for none.
    """

    def __init__(self, app: ASGIApp, host: str, password: str) -> None:
        self.app = app
        self.host = host
        self.password = password
        self.brake = Brake()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        address, _ = scope.get("client") or ("", 0)
        refused = self._refusal(scope["method"], Headers(scope=scope), address)
        await (refused or self.app)(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Mapping[str, str], address: str) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return PlainTextResponse(f"{host!r} is no name of this page", 421)
        if _is_foreign(method, headers, host):
            return PlainTextResponse("another web site may not ask this page for anything", 403)
        return self._without_password(headers.get("authorization", ""), address) if self.password else None

    def _without_password(self, authorization: str, address: str) -> PlainTextResponse | None:
        if wait := self.brake.seconds_left(address):
            said = f"too many wrong passwords; try again in {counted(wait, 'second')}"
            return PlainTextResponse(said, 429, {"retry-after": str(wait)})
        if _knows(self.password, authorization):
            return None
        if authorization:  # a browser asks without any at first
            self.brake.count(address)
        return PlainTextResponse("the password is needed", 401, {"www-authenticate": 'Basic realm="oral-cancer"'})

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name in LOOPBACK:
            return True
        if is_loopback(self.host):
            return False
        if name.strip("[]") == self.host:
            return True
        return self.host in ("0.0.0.0", "::") and (
            name in (socket.gethostname(), socket.getfqdn()) or _is_address(name)
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_foreign(method: str, headers: Mapping[str, str], host: str) -> bool:
    """Whether a request comes from another web site; a link from there to a page of ours is none of it."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return True
    site = headers.get("sec-fetch-site", "none")
    if site in ("none", "same-origin"):
        return False
    return not (method in SAFE and headers.get("sec-fetch-mode") == "navigate")


def _knows(password: str, authorization: str) -> bool:
    kind, _, encoded = authorization.partition(" ")
    try:
        said = base64.b64decode(encoded, validate=True).partition(b":")[2]
    except ValueError:
        return False
    return kind.lower() == "basic" and secrets.compare_digest(said, password.encode())
