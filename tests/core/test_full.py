"""A disk without room, as the person meets it who sent something: where no small disk is at hand.

`tests/faults/test_disk_full.py` fills a real one.
"""

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask, flash, request
from sqlalchemy.exc import OperationalError

from crm.core import db, files, store
from crm.core.access import public


def of_sqlite() -> OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return OperationalError("COMMIT", None, error)


FULL = [
    OSError(28, "No space left on device"),
    of_sqlite(),
    OperationalError("INSERT", None, psycopg.errors.DiskFull("could not extend file")),
]


@pytest.mark.parametrize("error", FULL, ids=["file", "sqlite", "postgresql"])
def test_it_is_told_and_what_was_typed_is_kept(app: Flask, error: Exception) -> None:
    app.config["WTF_CSRF_ENABLED"] = False

    @app.post("/full")
    @public
    def full() -> str:
        files._keep("jpg", b"a photo", "photo")
        flash("12 postcards logged.")
        raise error

    typed = {"note": 'Said "yes" & left', "targets": ["a", "b"]}
    answer = app.test_client().post("/full?x=1", data=typed)
    assert answer.status_code == 507
    assert "There is no room left on the server" in answer.text
    assert "logged" not in answer.text
    assert 'value="Said &#34;yes&#34; &amp; left"' in answer.text
    assert answer.text.count('name="targets"') == 2
    assert 'action="/full?x=1"' in answer.text
    assert list(store.here().names()) == [], "the photo no row names"


def test_no_password_is_repeated(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False

    @app.post("/full")
    @public
    def full() -> str:
        assert request.form
        raise FULL[0]

    answer = app.test_client().post("/full", data={"email": "a@b.c", "new_password": "otter"})
    assert answer.status_code == 507
    assert "otter" not in answer.text


def test_a_picture_finds_no_room(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(store.Full, match="no room left") as told:
        files._keep("jpg", b"a photo", "photo")
    assert told.value.field == "photo"


def test_other_errors_are_no_want_of_room(app: Flask) -> None:
    assert not db.is_full(OSError(13, "Permission denied"))
    assert not db.is_full(ValueError("full"))
