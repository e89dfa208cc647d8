"""Real parts for every test: a migrated database of its own, an application, three people.

`app` runs on SQLite; a test that asks for `any_app` runs twice, on SQLite and on PostgreSQL.
What is absent on a machine (Chromium, PostgreSQL) skips its tests with the reason, and fails them
where `CRM_REQUIRE_ALL=1`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine

from crm import create_app
from crm.core import db
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from tests import make
from tests.quick import make_applications_quick
from tests.servers import missing as missing
from tests.servers import postgres_server

make_applications_quick()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the first process begin with the browser's walk and the others with the faults: those are
    long, and whoever is done sooner takes tests of the others.
    """
    processes = int(getattr(config, "workerinput", {}).get("workercount", 1))
    faults = [each for each in items if each.get_closest_marker("fault")]
    others = [each for each in items if not each.get_closest_marker("fault")]
    others.sort(key=lambda each: "tests/browser/" not in each.nodeid)
    if processes == 1:
        items[:] = [*others, *faults]
        return
    share = len(items) // processes
    ordered: list[pytest.Item] = []
    for number in range(processes):
        mine = faults[number - 1 :: processes - 1] if number else []
        rest = share - len(mine) if number < processes - 1 else len(others)
        ordered += [*mine, *others[:rest]]
        del others[:rest]
    items[:] = ordered


def settings_for(folder: Path, **more: str) -> Settings:
    """Settings of a test's own application."""
    return Settings(instance=str(folder), secret_key="test", testing="1", timezone="UTC", **more)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database, copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    with create_app(settings_for(folder)).app_context():
        migrate_database()
        db.session.remove()
        db.extension.engine.dispose()
    return folder / "crm.sqlite3"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a migrated PostgreSQL database, started for this run."""
    with postgres_server() as server:
        address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        _do_not_wait_for_the_disk(address)
        app = create_app(settings_for(tmp_path_factory.mktemp("pg"), database_url=address))
        with app.app_context():
            migrate_database()
            db.session.remove()
            db.extension.engine.dispose()
        yield address


def _do_not_wait_for_the_disk(address: str) -> None:
    # What a test leaves need not outlive the machine; the fault tests start servers of their own.
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    """The application on a fresh SQLite database, inside its context."""
    folder = tmp_path / "instance"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "crm.sqlite3")
    yield from _in_context(create_app(settings_for(folder)))


@pytest.fixture(params=["sqlite", "postgresql"])
def any_app(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path
) -> Iterator[Flask]:
    """The application on a fresh database of each kind, inside its context."""
    if request.param == "sqlite":
        folder = tmp_path / "instance"
        folder.mkdir()
        shutil.copy(sqlite_template, folder / "crm.sqlite3")
        settings = settings_for(folder)
    else:
        address = request.getfixturevalue("postgres")
        empty(address)
        settings = settings_for(tmp_path / "instance", database_url=address)
    yield from _in_context(create_app(settings))


def _in_context(app: Flask) -> Iterator[Flask]:
    app.test_client_class = Browser
    with app.app_context():
        yield app
        db.session.remove()
        db.extension.engine.dispose()


#: Deletes from the tables that hold anything, past triggers and foreign keys, and starts the
#: numbers anew. Truncating all of them took far longer: each gets new files, rows or not.
_EMPTY = """
DO $$
DECLARE
    name text;
    holds boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %%I)', name) INTO holds;
        IF holds THEN EXECUTE format('DELETE FROM %%I', name); END IF;
    END LOOP;
    PERFORM setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""


def empty(address: str) -> None:
    """Take every row out of a PostgreSQL database and start its numbers anew."""
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql(_EMPTY)
    engine.dispose()


class Browser(FlaskClient):
    """A client that lets go of the test's own transaction round each request.

    The test and the request share a thread but not a session: without this the test would hold
    the lock the request waits for, and read what was before it. Each request gets a context of its
    own, as on a server: in the test's context Flask-Login and the grants would remember whoever
    came first, and a second person's request would be answered as the first's.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        db.rollback()
        try:
            with self.application.app_context():
                return super().open(*args, **kwargs)
        finally:
            db.rollback()


@pytest.fixture
def people(app: Flask) -> SimpleNamespace:
    """A state chapter with two schools, and somebody for each role (see `tests/make.py`)."""
    return make.people()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who has not signed in."""
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask) -> Callable[[object], FlaskClient]:
    """Give a client signed in as the user, without typing a password."""
    app.config["WTF_CSRF_ENABLED"] = False

    def sign_in(user: object) -> FlaskClient:
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = user.get_id()  # type: ignore[attr-defined]
            session["_fresh"] = True
        return client

    return sign_in
