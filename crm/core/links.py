"""Addresses that leave the application: absolute and, where they open a door, signed and dated."""

import hashlib
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


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt=f"crm.{purpose}")
