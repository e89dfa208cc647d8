"""What a person is told when something cannot be done. Never a stack trace."""

import logging
from typing import Any

from flask import Flask, Response, g, jsonify, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import NoResultFound
from werkzeug.exceptions import HTTPException, NotFound

from crm.core import db

log = logging.getLogger(__name__)


class Refused(Exception):
    """A rule said no. The message is a sentence for the person; `field` is where it belongs."""

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


def _wants_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return request.path.endswith(".json") or best == "application/json"


def _answer(code: int, title: str, text: str) -> tuple[Response | str, int]:
    db.rollback()
    if _wants_json():
        return jsonify(error=text), code
    return render_template("errors/error.html", code=code, title=title, text=text), code


def _refused(error: Refused) -> tuple[Response | str, int]:
    return _answer(409, _("That was not done"), str(error.message))


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
        413: (_("That upload is too large"), _("Photos may have 10 MB each. Nothing was saved.")),
        429: (_("Too many tries"), _("Wait a few minutes, then try again.")),
    }
    title, text = known.get(error.code, (error.name, error.description or ""))
    return _answer(error.code, title, text)


def _bug(error: Exception) -> tuple[Response | str, int]:
    # The traceback goes to the log without the request's data: that may name people.
    log.error("error %s at endpoint %s", g.get("request_id"), request.endpoint, exc_info=error)
    return _answer(
        500,
        _("Something went wrong on our side"),
        _(
            "Nothing was saved. Tell whoever runs this the number %(number)s.",
            number=g.get("request_id"),
        ),
    )
