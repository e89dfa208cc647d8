"""What became of each request, told once to whoever keeps count: the log and the metrics.

It stands outside Flask, so that what is told is what left: the whole of a file that is sent piece
by piece, and its failure on the way. Told are the endpoint's name and numbers, never the address:
addresses hold what people searched for and links that open doors.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from flask import Flask, Response, g, request
from sqlalchemy import inspect

log = logging.getLogger(__name__)

_KEY = "crm.watched"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@dataclass(slots=True)
class Answered:
    """One request and its answer."""

    method: str
    id: str = ""
    #: The endpoint's name; `none` where the address leads nowhere.
    endpoint: str = "none"
    status: int = 0
    #: From its beginning until the last byte was handed to the server.
    seconds: float = 0.0
    #: Number of the user, where one was asked for.
    user_id: int | None = None
    #: Whether the answer broke off after it had begun.
    broken: bool = False


#: Told of each request when it is over.
Listener = Callable[[Answered], None]


def init_app(app: Flask) -> None:
    """Stand round the application."""
    app.extensions["crm_watch"] = []
    app.before_request(_note_request)
    app.after_request(_note_user)
    app.wsgi_app = _Watched(app.wsgi_app, app.extensions["crm_watch"])  # type: ignore[method-assign]


def tell(app: Flask, listener: Listener) -> None:
    """Tell `listener` of each request from now on."""
    app.extensions["crm_watch"].append(listener)


def _note_request() -> None:
    if told := request.environ.get(_KEY):
        told.id = g.request_id
        told.endpoint = request.endpoint or "none"


def _note_user(response: Response) -> Response:
    # Only a user that was asked for anyway: a file of ours is answered without the database.
    if told := request.environ.get(_KEY):
        user = inspect(g.get("_login_user"), raiseerr=False)
        if user is not None and user.identity:
            [told.user_id] = user.identity
    return response


class _Watched:
    def __init__(self, inner: Any, listeners: list[Listener]):
        self.inner = inner
        self.listeners = listeners

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        began = perf_counter()
        method = environ.get("REQUEST_METHOD", "")
        told = environ[_KEY] = Answered(method if method in _METHODS else "other")

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            told.status = int(status[:3])
            if exc_info:
                return start_response(status, headers, exc_info)
            return start_response(status, headers)

        answer: Iterable[bytes] = self.inner(environ, start)
        wrapper: Any = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and type(answer) is wrapper:
            # The server sends such a file by itself, and only as long as nobody wraps it.
            self.over(told, began)
            return answer
        return _Pieces(self, answer, told, began)

    def over(self, told: Answered, began: float) -> None:
        told.seconds = perf_counter() - began
        for listener in self.listeners:
            try:
                listener(told)
            except Exception as error:
                log.error("a request could not be counted: %s", type(error).__name__)


class _Pieces:
    def __init__(self, watched: _Watched, answer: Iterable[bytes], told: Answered, began: float):
        self.watched, self.answer, self.told, self.began = watched, answer, told, began
        self.is_over = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.answer
            self._over()
        except Exception:
            self.told.broken = True
            raise

    def close(self) -> None:
        try:
            if close := getattr(self.answer, "close", None):
                close()
        finally:
            self._over()

    def _over(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.watched.over(self.told, self.began)
