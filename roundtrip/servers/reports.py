"""The report server: a start page, the reports and the Data Docs; read-only, behind a login.

Run as `python -m roundtrip.servers.reports`; its settings are the variables in commands.py.
"""

import base64
import binascii
import hmac
import os
import sys
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from roundtrip import explorer
from roundtrip.errors import BadInput, RoundtripError
from roundtrip.home import Home
from roundtrip.servers import health, logins, start_page
from roundtrip.servers.commands import SERVICES

#: Nothing may be loaded from, or sent to, anywhere else.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Reports (which narrow this further, in a policy of their own, to the hash of their one script) and Data
#: Docs bring scripts; these still reach no other host.
DOCUMENT_POLICY = f"{PAGE_POLICY}; script-src 'unsafe-inline'"
#: The explorer asks with plain forms, of itself only.
EXPLORER_POLICY = PAGE_POLICY.replace("form-action 'none'", "form-action 'self'")

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Reports hold a company's figures: no cache on a shared machine keeps them.
    "cache-control": "no-store",
}

#: A wrong password costs this long, so that guessing does not pay.
WRONG_PASSWORD_DELAY_S = 0.5


def create_app(home: Home, environment: dict[str, str]) -> Starlette:
    """The application.

    Args:
        environment: ROUNDTRIP_REPORTS_PASSWORD (required), ROUNDTRIP_REPORTS_USER ("admin"),
            ROUNDTRIP_REPORTS_ALLOWED_HOSTS (comma-separated; default: this machine's own names),
            ROUNDTRIP_<GROUP>_URL of the other servers (the links) and …_HEALTH_URL (asked by this server).

    Raises:
        BadInput: there is no password. There is no mode without one.
    """
    password = environment.get("ROUNDTRIP_REPORTS_PASSWORD", "")
    if not password:
        raise BadInput("ROUNDTRIP_REPORTS_PASSWORD is not set", "the report server does not run without one")
    hosts = environment.get("ROUNDTRIP_REPORTS_ALLOWED_HOSTS") or "127.0.0.1,localhost"

    def start(request: Request) -> HTMLResponse:
        language = start_page.language_of(
            request.query_params.get("lang"), request.headers.get("accept-language", "")
        )
        return HTMLResponse(start_page.render(home, _states(environment), language))

    return Starlette(
        routes=[
            Route("/", start),
            Route("/health", lambda request: PlainTextResponse("ok")),
            Route("/style.css", lambda request: FileResponse(start_page.PAGES / "style.css")),
            Mount("/reports", _Files(home.reports_dir)),
            # Under the name that they have from the page of a run on disk, too.
            Mount("/gates/data_docs", _Files(home.gates_dir / "data_docs", html=True)),
            Mount("/model_card", _Files(home.mlflow_dir / "model_card")),
            *explorer.routes(home),
        ],
        middleware=[
            # A page of another site that resolves its own name to this machine gets nothing.
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts.split(","), www_redirect=False),
            Middleware(_Headers),
            Middleware(
                _Login, user=environment.get("ROUNDTRIP_REPORTS_USER") or logins.USER, password=password
            ),
        ],
    )


def _states(environment: dict[str, str]) -> dict[str, start_page.ServerState]:
    """The other servers by their port group; those that this installation does not have are left out."""
    groups = dict.fromkeys(each.port_group for each in SERVICES if each.port_group not in (None, "reports"))
    states = {}
    for group in groups:
        url, health_url = (
            environment.get(f"ROUNDTRIP_{group.upper()}_{kind}", "") for kind in ("URL", "HEALTH_URL")
        )
        if group == "airflow":
            parts = health.airflow_health(health_url)
            states[group] = start_page.ServerState(url, bool(parts) and all(parts.values()), parts)
        elif url or group == "mlflow":
            states[group] = start_page.ServerState(url, health.answers(health_url), {})
    return states


class _Files(StaticFiles):
    """Files of one folder; StaticFiles refuses paths and links that lead out of it."""

    def __init__(self, directory: os.PathLike, html: bool = False):
        # The folder may come into being after the server.
        super().__init__(directory=directory, html=html, check_dir=False)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        # Dot files are being written, or nobody's business.
        if any(part.startswith(".") for part in Path(path).parts):
            return "", None
        return super().lookup_path(path)

    async def check_config(self) -> None:
        # Called once; a folder that is not there yet means "not found", not a server error.
        return None


class _Headers:
    """Security headers on every answer, refusals included."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        policy = _policy(scope["path"])
        added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        added.append((b"content-security-policy", policy.encode()))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _policy(path: str) -> str:
    if path.startswith(("/reports/", "/gates/", "/model_card/")):
        return DOCUMENT_POLICY
    return EXPLORER_POLICY if path.startswith("/explorer") else PAGE_POLICY


class _Login:
    """HTTP basic login for everything but /health, which says nothing."""

    def __init__(self, app: ASGIApp, user: str, password: str):
        self.app = app
        self.expected = f"{user}:{password}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/health":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if self._is_right(given):
            await self.app(scope, receive, send)
            return
        if given:
            await anyio.sleep(WRONG_PASSWORD_DELAY_S)
        refusal: Response = PlainTextResponse(
            "Login required", 401, {"www-authenticate": 'Basic realm="Roundtrip", charset="UTF-8"'}
        )
        await refusal(scope, receive, send)

    def _is_right(self, header: bytes) -> bool:
        scheme, _, encoded = header.partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            given = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, self.expected)


def main() -> None:
    """Serve until stopped."""
    import uvicorn

    try:
        app = create_app(Home.from_env(), dict(os.environ))
    except RoundtripError as error:
        sys.exit(str(error))
    uvicorn.run(
        app,
        host=os.environ.get("ROUNDTRIP_REPORTS_HOST", "127.0.0.1"),
        port=int(os.environ.get("ROUNDTRIP_REPORTS_PORT", "8090")),
        server_header=False,
        log_level="info",
    )


if __name__ == "__main__":
    main()
