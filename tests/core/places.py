"""Empty places to restore into, and what all rows of one come to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask, current_app
from sqlalchemy import create_engine, make_url, text

from crm import create_app
from crm.core import archives, backups, db, store, whole
from tests.conftest import settings_for

#: Another database on the tests' server, beside the one `any_app` uses.
NAME = "restored"


@contextmanager
def empty_place(
    kind: str, folder: Path, postgres: Callable[[], str], **more: str
) -> Iterator[Flask]:
    """An application on a database without tables, inside its context."""
    if kind == "sqlite":
        app = create_app(settings_for(folder, **more))
    else:
        app = create_app(settings_for(folder, database_url=new_database(postgres()), **more))
    with app.app_context():
        yield app
        db.session.remove()
        db.extension.engine.dispose()


def new_database(address: str, name: str = NAME) -> str:
    """The address of a new database on the same server."""
    url = make_url(address)
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    server.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


def sums() -> dict[str, whole.Counted]:
    """Rows, bytes and hash of every table of the present application."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with app.app_context(), backups.apart() as connection:
        return {
            shape.name: whole.counted(whole.lines(connection, shape))
            for shape in whole.shapes(connection)
        }


def kept_files() -> dict[str, bytes]:
    """Name → content of all kept files."""
    place = store.here()
    return {each.name: b"".join(place.read(each.name).pieces) for each in place.names()}


def parts_of(path: Path) -> list[tuple[str, bytes]]:
    """The members of a backup that is not sealed."""
    with archives.members(path) as found:
        return [(name, source.read()) for name, _size, source in found]
