"""The floor of a report as the issue means it: its own SQL and its own rendering, and no more.

An address below `/ready` answers with the page of the rest of it, made of what lies ready. The
first time, the page is made by the application, and what it sent and showed is kept.

In it, each time anew: all statements the page sends (those too that tell who asks), as texts with
their values straight through the driver, every row fetched; the request's context, with the session
read from its cookie; and the page's own template with the layout, the navigation, the filters and
the drawing of the chart, rendered from what the view handed over.

Not in it: making statements, objects of what came back, sums and sorting, telling cells and their
links, who asks and what they may, the reader's language, what templates ask of the database, and
all that runs before and after a view.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Flask, Response, before_render_template, g
from jinja2 import Template
from sqlalchemy import event, inspect
from werkzeug.test import run_wsgi_app

from crm.accounts.models import User
from crm.core import db
from tests.bench.floors import asks

#: What an address of this floor begins with.
READY = "/ready"
#: What a template gets of the request itself, and so anew.
_OF_REQUEST = ("g", "request", "session", "current_user")
#: What templates ask the database with.
_ASKS = ("mailed_to_me",)


@dataclass
class Page:
    """A page that was made once."""

    environ: dict[str, Any]
    template: Template
    context: dict[str, Any]
    #: Of its request: who asks, what they may, in what language.
    known: dict[str, Any]
    #: Statements and values; and how many rows are taken, where not all are.
    sent: list[tuple[str, Any, int | None]]


class Ready:
    """Answers below `/ready`; passes on all else."""

    def __init__(self, app: Flask) -> None:
        self.app, self.inner = app, app.wsgi_app
        self.pages: dict[tuple[str, str], Page | None] = {}

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(f"{READY}/"):
            return self.inner(environ, start)
        environ = {**environ, "PATH_INFO": path.removeprefix(READY)}
        key = environ["PATH_INFO"], environ["QUERY_STRING"]
        if key not in self.pages:
            self.pages[key] = self._made(environ)
        page = self.pages[key]
        answer = Response(self._again(page)) if page else Response(status=404)
        return answer(environ, start)

    def _made(self, environ: dict[str, Any]) -> Page | None:
        """The page as the application makes it, and what it took; None where there is none."""
        sent: list[tuple[str, Any, int | None]] = []
        shown: list[tuple[Template, dict[str, Any], dict[str, Any]]] = []

        def note(_c: Any, _cursor: Any, statement: str, values: Any, ran: Any, _many: Any) -> None:
            if asks(statement):
                # Of what is read as it comes, a page takes the first part.
                sent.append((statement, values, ran.execution_options.get("yield_per")))

        def keep(_app: Flask, template: Template, context: dict[str, Any], **_: Any) -> None:
            shown.append((template, dict(context), vars(g._get_current_object())))

        with self.app.app_context():
            engine = db.extension.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            with before_render_template.connected_to(keep, self.app):
                _body, status, _headers = run_wsgi_app(self.inner, environ, buffered=True)
            if not status.startswith("200"):
                return None
            [(template, context, known)] = shown
            for name in _OF_REQUEST:
                context.pop(name, None)
            context |= {name: cache(context[name]) for name in _ASKS if name in context}
            known["_login_user"] = self._loaded(known["_login_user"])
            page = Page(environ, template, context, known, list(sent))
            self._again(page)
            sent.clear()
            self._again(page)
            assert not sent, f"the template asks the database: {sent}"
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return page

    def _loaded(self, user: User) -> User:
        """Who asks, read whole and free of any session."""
        with self.app.app_context():
            found = db.session.get_one(User, inspect(user).identity[0])
            db.session.expunge(found)
            return found

    def _again(self, page: Page) -> str:
        with self.app.request_context(page.environ):
            vars(g._get_current_object()).update(page.known)
            connection: Any = db.extension.engine.raw_connection()
            try:
                cursor = connection.cursor()
                for statement, values, most in page.sent:
                    cursor.execute(statement, values)
                    cursor.fetchmany(most) if most else cursor.fetchall()
            finally:
                connection.close()
            context = dict(page.context)
            self.app.update_template_context(context)
            return page.template.render(context)
