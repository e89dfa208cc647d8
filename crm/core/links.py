"""Addresses that leave the application: absolute and, where they open a door, signed and dated."""

import hashlib
import hmac
from typing import Any

from flask import current_app, has_request_context, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from crm.core.settings import in_force


def absolute(endpoint: str, **values: Any) -> str:
    """The full address of a page.

    Begins with `CRM_BASE_URL`; without that setting with the address the present request came to,
    and in a command with the one the server listens on. A request can claim any host, so what is
    mailed must not rest on it: `mail.is_configured` asks for `CRM_BASE_URL`.
    """
    settings = in_force()
    if settings.base_url:
        base = settings.base_url
    elif has_request_context():
        base = request.root_url
    else:
        base = f"http://{settings.host}:{settings.port}"
    return base.rstrip("/") + current_app.url_map.bind("").build(endpoint, values)


def digest(secret: str) -> str:
    """What is kept of the secret part of a link, or of a code: it leads back to nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def sign(purpose: str, value: Any) -> str:
    """A token for an address: `value` (anything JSON holds), readable but not forgeable."""
    return str(_serializer(purpose).dumps(value))


def read(purpose: str, token: str, *, hours: int) -> Any | None:
    """What was signed for this purpose at most so many hours ago; None for anything else."""
    try:
        return _serializer(purpose).loads(token, max_age=hours * 3600)
    except BadSignature:
        return None


def mark(purpose: str, number: int) -> str:
    """A number with a mark that only we can make: `17.9f3a…`, for what comes back to us."""
    key = ".".join(("crm", purpose, str(current_app.secret_key))).encode()
    return f"{number}.{hmac.new(key, str(number).encode(), hashlib.sha256).hexdigest()[:24]}"


def marked(purpose: str, text: str) -> int | None:
    """The number of a mark of ours; None for anything else."""
    number = text.partition(".")[0]
    # Digits of other scripts are numbers too, and nothing that stands in a mark.
    if not (text.isascii() and number.isdecimal()) or len(number) > 18:
        return None
    return int(number) if hmac.compare_digest(mark(purpose, int(number)), text) else None


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt=f"crm.{purpose}")
