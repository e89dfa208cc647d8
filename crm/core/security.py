"""Headers that keep a page to itself: strict policy, no framing, no guessing, no referrer."""

import secrets
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map, UnicodeConverter

from crm.core.settings import Settings

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
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
    app.before_request(_number)
    app.after_request(_headers)


def _number() -> None:
    g.request_id = secrets.token_hex(6)


def _headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if not (request.endpoint or "").endswith("static"):
        # Pages name people: no shared cache keeps them, and Back after signing out shows nothing.
        headers["Cache-Control"] = "no-store"
    return response
