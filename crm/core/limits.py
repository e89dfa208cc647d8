"""How often somebody may try. Counted by digests: neither log nor memory holds who tried."""

import hashlib
import hmac
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from flask import Flask, current_app, request
from flask_limiter import Limiter
from flask_login import current_user


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


#: Counts in this process's memory; a setting for a shared store comes with several hosts.
limiter = Limiter(by_client, storage_uri="memory://", strategy="moving-window")


def init_app(app: Flask) -> None:
    """Bind the limiter. The test suite runs without, save where it sets `THROTTLED`."""
    app.config["THROTTLED"] = not app.config["TESTING"]
    limiter.init_app(app)


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
