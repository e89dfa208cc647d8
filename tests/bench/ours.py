"""Our application on a folder's database, and somebody signed in."""

from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event, select

from crm import create_app
from crm.accounts.models import User
from crm.core import db
from crm.core.settings import Settings
from tests.bench.floors import asks
from tests.bench.places import address_of
from tests.bench.ready import Ready


def make(folder: Path) -> tuple[Flask, str]:
    """The application and the cookie of an administrator."""
    app = create_app(
        Settings(
            instance=str(folder),
            database_url=address_of(folder),
            secret_key="bench",
            testing="1",
        )
    )
    with app.app_context():
        user = db.session.scalars(select(User).limit(1)).one()
        sessions: Any = app.session_interface
        values = {"_user_id": user.get_id(), "_fresh": True}
        cookie = sessions.get_signing_serializer(app).dumps(values)
        db.session.remove()
    app.wsgi_app = Ready(app)  # type: ignore[method-assign]
    return app, f"{app.config['SESSION_COOKIE_NAME']}={cookie}"


def statements_of(folder: Path, path: str) -> list[tuple[str, Any]]:
    """The SQL a page sends, with its parameters; empty when there is no such page."""
    app, cookie = make(folder)
    sent: list[tuple[str, Any]] = []
    with app.app_context():
        engine = db.extension.engine

        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if asks(statement):
                sent.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        answer = app.test_client(use_cookies=False).get(path, headers={"Cookie": cookie})
        event.remove(engine, "before_cursor_execute", note)
        engine.dispose()
    return sent if answer.status_code == 200 else []
