"""One application in a process of its own: `python -m tests.bench.serving ours|floors FOLDER`.

Says its port and a signed-in cookie on one line, then serves until it is stopped. Every answer
carries the number of SQL statements it took.
"""

import json
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import waitress
from sqlalchemy import Engine, event

from tests.bench.floors import asks

_count = threading.local()


def main() -> None:
    """Serve."""
    # By name, so that the bare application's process holds nothing of ours.
    app, cookie = import_module(f"tests.bench.{sys.argv[1]}").make(Path(sys.argv[2]))
    event.listen(Engine, "before_cursor_execute", _counted)
    app.wsgi_app = _Counting(app.wsgi_app)
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    print(json.dumps({"port": server.effective_port, "cookie": cookie}), flush=True)
    server.run()


def _counted(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if asks(statement):
        _count.number = getattr(_count, "number", 0) + 1


class _Counting:
    """Puts the number of statements so far on the answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        _count.number = 0

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            told = [*headers, ("X-Statements", str(_count.number))]
            return start_response(status, told, *more)

        return self.app(environ, start)


if __name__ == "__main__":
    main()
