"""Headers that keep a page to itself: strict policy, no framing, no guessing, no referrer."""

import secrets
from typing import Any

from flask import Flask, Response, g, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map, UnicodeConverter

from crm.core.settings import Settings

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
#: Of what other sites may show within theirs: nothing but itself, its style and pictures of ours.
SHOWN_ELSEWHERE = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors *"
)
#: The largest number a row can have: beyond it a database raises where it should find nothing.
LARGEST_ID = 2**31 - 1
#: 10 MB a photo and a few of them, or a spreadsheet of 50 MB, plus the form itself.
MAX_UPLOAD = 52 * 1024 * 1024


class Number(IntegerConverter):
    """`<int:…>` of an address: a number no row can have is an address that leads nowhere."""

    def __init__(self, map: Map, *args: Any, **options: Any):
        super().__init__(map, *args, **{"max": LARGEST_ID, **options})


class Word(UnicodeConverter):
    """`<…>` of an address: a NUL, which no database keeps, leads nowhere."""

    def __init__(self, map: Map, *args: Any, **options: Any):
        super().__init__(map, *args, **options)
        self.regex = self.regex.replace("[^/]", r"[^/\x00]")


class Sessions(SecureCookieSessionInterface):
    """Kept in a signed cookie; none leaves with what other sites show."""

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Send the cookie, where the answer is this person's."""
        if "shown_elsewhere" not in g:
            super().save_session(app, session, response)


def init_app(app: Flask, settings: Settings) -> None:
    """Set cookies, limits, headers, and what an address may hold."""
    app.url_map.converters.update(int=Number, default=Word, string=Word)
    app.config.update(
        SECRET_KEY=settings.signing_key(),
        SESSION_COOKIE_NAME="crm_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies == "1",
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=settings.secure_cookies == "1",
        MAX_CONTENT_LENGTH=MAX_UPLOAD,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        MAX_FORM_PARTS=5000,
        WTF_CSRF_TIME_LIMIT=None,
    )
    if proxies := int(settings.proxies):
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    app.session_interface = Sessions()
    app.before_request(_number)
    app.after_request(_headers)


def show_elsewhere(*, seconds: int) -> None:
    """Let other sites frame the answer to this request, and anybody's cache keep it for a while.

    For what names nobody and is the same for everybody: no cookie leaves with it, and a session
    that came along is not touched.
    """
    g.shown_elsewhere = seconds


def _number() -> None:
    g.request_id = secrets.token_hex(6)


def _headers(response: Response) -> Response:
    headers = response.headers
    seconds = g.get("shown_elsewhere") if response.status_code < 400 else None
    if seconds is None:
        headers.setdefault("Content-Security-Policy", POLICY)
        headers.setdefault("X-Frame-Options", "DENY")
    else:
        headers["Content-Security-Policy"] = SHOWN_ELSEWHERE
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "same-origin")
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if seconds is not None:
        headers["Cache-Control"] = f"public, max-age={seconds}"
    elif not (request.endpoint or "").endswith("static"):
        # Pages name people: no shared cache keeps them, and Back after signing out shows nothing.
        headers["Cache-Control"] = "no-store"
    return response
