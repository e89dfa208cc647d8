"""How often somebody may try. Counted by digests: neither log nor memory holds who tried.

Counted in Redis where `CRM_QUEUE_URL` names one, so that all processes count together, else in this
process. While Redis is away each process counts for itself, anew: nobody is kept from signing in by
that, and nobody may try without end.
"""

import hashlib
import hmac
import logging
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from flask import Flask, current_app, request
from flask_limiter import Limiter
from flask_login import current_user

from crm.core.settings import Settings

log = logging.getLogger(__name__)


class _Heard(logging.Handler):
    """Says in our log, once, that Redis went away and that it came back. What else the limiter
    tells is about who tried."""

    def emit(self, record: logging.LogRecord) -> None:
        said = str(record.msg)
        if "unreachable" in said:
            log.warning("Redis is away: until it is back each process counts tries for itself")
        elif "recovered" in said:
            log.warning("Redis is back: tries are counted together again")
        elif record.levelno >= logging.ERROR:
            log.error("a try could not be counted")


def by_client() -> str:
    """Where the request comes from: an IPv4 address, or the /64 a client of IPv6 owns."""
    address = request.remote_addr or "unknown"
    return str(ip_network((address, 64), strict=False)) if ":" in address else address


def by_address() -> str:
    """The e-mail address typed into the form, whether anybody has it or not."""
    return request.form.get("email", "").strip().lower()


def by_user() -> str:
    """Who is signed in."""
    return str(current_user.get_id())


limiter = Limiter(by_client, strategy="moving-window", key_prefix="crm")
#: Seconds Redis may take: it is asked within a request.
_PATIENCE = 1
_HEARD = _Heard()
_OPTIONS = {"socket_connect_timeout": _PATIENCE, "socket_timeout": _PATIENCE}


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the limiter. The test suite runs without, save where it sets `THROTTLED`."""
    app.config["THROTTLED"] = not app.config["TESTING"]
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.queue_url or "memory://",
        RATELIMIT_STORAGE_OPTIONS=_OPTIONS if settings.queue_url else {},
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=bool(settings.queue_url),
    )
    limiter.init_app(app)
    limiter.logger.setLevel(logging.INFO)
    limiter.logger.propagate = False
    if _HEARD not in limiter.logger.handlers:
        limiter.logger.addHandler(_HEARD)


def tries(most: str, key: Callable[[], str]) -> Callable[[Any], Any]:
    """Answer 429 to a POST after so many with the same key; `most` is such as `5 per hour`."""
    return limiter.limit(most, key_func=lambda: _sealed(key()), methods=["POST"])


def failures(most: str, key: Callable[[], str]) -> Callable[[Any], Any]:
    """The same, counting only those that came back with an error (422)."""
    return limiter.limit(
        most,
        key_func=lambda: _sealed(key()),
        methods=["POST"],
        deduct_when=lambda response: response.status_code == 422,
    )


def misses(most: str, key: Callable[[], str]) -> Callable[[Any], Any]:
    """Answer 429 after so many requests that led nowhere (404, 410): of addresses with a secret."""
    return limiter.limit(
        most,
        key_func=lambda: _sealed(key()),
        deduct_when=lambda response: response.status_code in (404, 410),
    )


@limiter.request_filter
def _is_off() -> bool:
    return not current_app.config["THROTTLED"]


def _sealed(key: str) -> str:
    secret = str(current_app.secret_key).encode()
    return hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()[:32]
