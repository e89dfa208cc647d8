"""A database that holds the shipped ledger, made once and copied."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from crm import create_app
from crm.core import db
from crm.treaties import operations
from tests.conftest import _in_context, settings_for


@pytest.fixture(scope="session")
def ledger_template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A SQLite database with the governments and the shipped events."""
    folder = tmp_path_factory.mktemp("ledger")
    shutil.copy(sqlite_template, folder / "crm.sqlite3")
    with create_app(settings_for(folder)).app_context():
        with db.unit_of_work():
            operations.load_reference(by=None)
        db.session.remove()
        db.extension.engine.dispose()
    return folder / "crm.sqlite3"


@pytest.fixture
def ledger(tmp_path: Path, ledger_template: Path) -> Iterator[Flask]:
    """The application on a database with the shipped ledger, inside its context."""
    folder = tmp_path / "instance"
    folder.mkdir()
    shutil.copy(ledger_template, folder / "crm.sqlite3")
    yield from _in_context(create_app(settings_for(folder)))
