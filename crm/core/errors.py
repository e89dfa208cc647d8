"""What a person is told when something cannot be done. Never a stack trace."""

import logging
from collections.abc import Iterator, Sequence
from traceback import format_tb
from typing import Any

from flask import Flask, Response, g, jsonify, make_response, render_template, request, session
from flask_babel import gettext as _
from flask_login import AnonymousUserMixin
from jinja2 import TemplateNotFound, UndefinedError
from sqlalchemy.exc import NoResultFound, StatementError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from crm.core import db

log = logging.getLogger(__name__)

#: Errors whose words are about the program. Those of others quote what somebody typed: a value
#: that is no number, a row that is there already.
_OF_PROGRAM = (
    AttributeError,
    ImportError,
    NameError,
    TemplateNotFound,
    TypeError,
    UndefinedError,
)

#: Characters of a form that are carried to its next try.
_MOST_AGAIN = 500_000


class Refused(Exception):
    """A rule said no. The message is a sentence for the person; `field` is where it belongs."""

    #: What the answer says to a program.
    status = 409

    def __init__(self, message: str, field: str | None = None):
        super().__init__(message)
        self.message = message
        self.field = field


def init_app(app: Flask) -> None:
    """Answer refusals, missing rows and bugs each in its way."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(NoResultFound, lambda _error: _http(NotFound()))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)
    # What goes wrong after the view (in the commit) comes wrapped, and Flask would log it whole.
    app.register_error_handler(
        InternalServerError, lambda error: _bug(error.original_exception or error)
    )
    app.log_exception = lambda exc_info: None  # type: ignore[method-assign]


def _wants_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return request.path.endswith(".json") or best == "application/json"


def _answer(
    code: int, title: str, text: str, *, again: Sequence[tuple[str, str]] = ()
) -> tuple[Response | str, int]:
    db.rollback()
    if code >= 500:
        # What the view already said of it (“12 postcards logged”) is not true.
        session.pop("_flashes", None)
    if _wants_json():
        return jsonify(error=text), code
    page = render_template(
        "errors/error.html", code=code, title=title, text=text, again=again,
        # Not asked of a body that was too large to be read.
        has_files=bool(again) and any(file.filename for file in request.files.values()),
    )  # fmt: skip
    return page, code


def _refused(error: Refused) -> tuple[Response | str, int]:
    return _answer(error.status, _("That was not done"), str(error.message))


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    known = {
        400: (_("That request was not understood"), _("Go back, reload the page and try again.")),
        403: (_("You may not see this"), _("Ask an administrator for the right to.")),
        404: (
            _("There is nothing here"),
            _("The address may be mistyped, or what was here is not for you to see."),
        ),
        405: (_("That cannot be done here"), _("Go back and use the button on the page.")),
        413: (
            _("That upload is too large"),
            _("A photo may have 10 MB, a spreadsheet 50 MB. Nothing was saved."),
        ),
        429: (_("Too many tries"), _("Wait a few minutes, then try again.")),
    }
    title, text = known.get(error.code, (error.name, error.description or ""))
    return _answer(error.code, title, text)


def _away(error: Exception) -> tuple[Response | str, int]:
    # A line and no trace: while a database is away every request tells the same.
    log.error(
        "error %s at endpoint %s: the database is away (%s)",
        g.get("request_id"), request.endpoint, type(error).__name__,
    )  # fmt: skip
    # The page must not ask the database who reads it.
    g._login_user = AnonymousUserMixin()
    told = _(
        "The database does not answer. It may be starting anew: go back in a minute and try again. "
        "Look first whether what you sent is there already."
    )
    answer, code = _answer(503, _("Not just now"), told)
    response = make_response(answer, code)
    response.headers["Retry-After"] = "10"
    return response, code


def _full(error: Exception) -> tuple[Response | str, int]:
    # One line: while a disk is full every request that writes tells the same.
    log.error(
        "error %s at endpoint %s: no room left on the disk (%s)",
        g.get("request_id"), request.endpoint, type(error).__name__,
    )  # fmt: skip
    told = _(
        "There is no room left on the server's disk. What you sent was not saved. Tell whoever "
        "runs this; once there is room, send it again."
    )
    return _answer(507, _("No room left"), told, again=_sent())


def _sent() -> list[tuple[str, str]]:
    """What was typed, to be sent once more by a button; nothing where a password was."""
    if request.method != "POST":
        return []
    fields = [
        (name, value)
        for name, values in request.form.lists()
        for value in values
        if name != "csrf_token"
    ]
    if any("password" in name for name, _value in fields):
        return []
    return fields if sum(len(value) for _name, value in fields) < _MOST_AGAIN else []


def _bug(error: Exception) -> tuple[Response | str, int]:
    if db.is_full(error):
        return _full(error)
    if db.is_away(error):
        return _away(error)
    # Where it went wrong goes to the log, and not on what: that may name people.
    told = "".join(trace_of(error))
    log.error("error %s at endpoint %s\n%s", g.get("request_id"), request.endpoint, told)
    return _answer(
        500,
        _("Something went wrong on our side"),
        _(
            "Nothing was saved. Tell whoever runs this the number %(number)s.",
            number=g.get("request_id"),
        ),
    )


def trace_of(error: BaseException) -> Iterator[str]:
    """The trace of an error and of what caused it, without the values it speaks of."""
    if cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield from trace_of(cause)
        yield "which led to\n"
    yield from format_tb(error.__traceback__)
    said = f": {error}" if isinstance(error, _OF_PROGRAM) else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{said}\n"
    if isinstance(error, StatementError):
        yield f"in the statement {error.statement}\n"
