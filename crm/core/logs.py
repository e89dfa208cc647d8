"""One line a request and one an error, as text or JSON, and nobody's data in any of them.

Endpoint names and numbers: no address, no query, no name, no e-mail, no IP address. Errors are told
by where they happened (`errors.trace_of`), and not by the values they speak of; that holds for the
loggers of the server and of the job engine too.
"""

import json
import logging
import logging.config
import re
import sys
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from crm.core import watch
from crm.core.errors import trace_of
from crm.core.settings import Settings
from crm.core.watch import Answered

_requests = logging.getLogger("crm.request")

#: What asks every few seconds, and files of ours: told of only where all is to be told.
_QUIET = {"health.alive", "health.ready", "metrics.page", "static", "bootstrap.static"}
#: Waitress names the address of what broke off.
_ADDRESS = re.compile(r"(serving|servicing) .*", re.DOTALL)


def configure(settings: Settings) -> None:
    """Send what is logged in this process to its error output. Called where a process begins."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": Json if settings.log == "json" else Text}},
            "handlers": {"errors": {"()": ErrorOutput, "formatter": "line"}},
            "root": {"level": "WARNING", "handlers": ["errors"]},
            "loggers": {
                "crm": {"level": settings.log_level.upper()},
                # A busy moment is no warning: the queue is what it is for.
                "waitress.queue": {"level": "ERROR"},
            },
        }
    )


def init_app(app: Flask) -> None:
    """Log each request when it is over."""
    watch.tell(app, _log)


def _log(told: Answered) -> None:
    level = logging.WARNING if told.status >= 500 or told.broken else logging.INFO
    if told.endpoint in _QUIET and level == logging.INFO:
        level = logging.DEBUG
    if not _requests.isEnabledFor(level):
        return
    values: dict[str, Any] = {
        "request": told.id,
        "method": told.method,
        "endpoint": told.endpoint,
        "status": told.status,
        "ms": round(told.seconds * 1000, 1),
    }
    if told.user_id is not None:
        values["user"] = told.user_id
    if told.broken:
        values["broken"] = True
    _requests.log(level, "request", extra={"values": values})


class ErrorOutput(logging.Handler):
    """Standard error as it is at the moment: a test or a service manager may have changed it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """A log nobody can read any more must not stop the work, nor be told of to nobody."""


class Text(logging.Formatter):
    """`2026-03-01T12:00:00.123Z info request id=… endpoint=outreach.page status=200 ms=12.3`"""

    def format(self, record: logging.LogRecord) -> str:
        """The line; the trace of an error below it."""
        head = f"{_moment(record)} {record.levelname.lower()} {_message(record)}"
        pairs = "".join(f" {name}={value}" for name, value in _values(record).items())
        return f"{head}{pairs}{_trace(record)}"


class Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; the trace of an error is part of its message."""
        told = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record) + _trace(record),
            **_values(record),
        }
        return json.dumps(told, ensure_ascii=False)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _values(record: logging.LogRecord) -> dict[str, Any]:
    values: dict[str, Any] = getattr(record, "values", {})
    return values


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    return _ADDRESS.sub(r"\1 a request", message) if record.name == "waitress" else message


def _trace(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return "\n" + "".join(trace_of(error)).rstrip() if error else ""
