"""One application in a process of its own: `python -m tests.bench.serving ours|bare FOLDER`.

Says its port and a signed-in cookie on one line, then serves until it is stopped. Every answer
carries the number of SQL statements it took.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import waitress
from flask import Flask
from sqlalchemy import Engine, event, select

from crm.core.settings import Settings
from tests.bench.floors import make_bare

_count = threading.local()


def main() -> None:
    """Serve."""
    which, folder = sys.argv[1], Path(sys.argv[2])
    address = f"sqlite:///{folder / 'crm.sqlite3'}"
    cookie = ""
    if which == "bare":
        app = make_bare(address)
    else:
        app, cookie = _ours(folder, address)
    event.listen(Engine, "before_cursor_execute", _counted)
    app.wsgi_app = _Counting(app.wsgi_app)  # type: ignore[method-assign]
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    print(json.dumps({"port": server.effective_port, "cookie": cookie}), flush=True)
    server.run()


def _ours(folder: Path, address: str) -> tuple[Flask, str]:
    # Imported here: the bare application must not carry ours along.
    from crm import create_app
    from crm.accounts.models import User
    from crm.core import db

    settings = Settings(instance=str(folder), database_url=address, secret_key="bench", testing="1")
    app = create_app(settings)
    with app.app_context():
        user = db.session.scalars(select(User).limit(1)).one()
        signer: Any = app.session_interface
        values = {"_user_id": user.get_id(), "_fresh": True}
        cookie = signer.get_signing_serializer(app).dumps(values)
        db.session.remove()
    return app, f"{app.config['SESSION_COOKIE_NAME']}={cookie}"


def _counted(*_: Any) -> None:
    _count.number = getattr(_count, "number", 0) + 1


class _Counting:
    """Puts the number of statements so far on the answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        _count.number = 0

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, ("X-Statements", str(_count.number))], *more)

        return self.app(environ, start)


if __name__ == "__main__":
    main()
