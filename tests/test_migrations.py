"""The migrations: from nothing they make what the models say, down and up again, with rows in."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Engine, create_engine, inspect, make_url, text

from crm import create_app
from crm.core import audit, db
from crm.core.cli import State, database_state, migrate_database
from crm.outreach.models import Action, ActionChapter, ActionMember, ActionTarget, Outcome
from tests import make
from tests.conftest import settings_for


@pytest.fixture(params=["sqlite", "postgresql"])
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Give the address of a new, empty database of each kind by name."""
    if request.param == "sqlite":
        yield lambda name: f"sqlite:///{tmp_path / name}.sqlite3"
        return
    address = make_url(request.getfixturevalue("postgres"))
    server = create_engine(address, isolation_level="AUTOCOMMIT")
    made = []

    def new(name: str) -> str:
        made.append(name)
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        return address.set(database=name).render_as_string(hide_password=False)

    yield new
    with server.connect() as connection:
        for name in made:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    server.dispose()


@pytest.fixture
def blank_app(blank: Callable[[str], str], tmp_path: Path) -> Iterator[Flask]:
    """The application on a database without tables, inside its context."""
    app = create_app(settings_for(tmp_path / "instance", database_url=blank("migrated")))
    with app.app_context():
        yield app
        db.session.remove()
        db.extension.engine.dispose()


def script(app: Flask) -> tuple[Any, ScriptDirectory]:
    config = app.extensions["migrate"].migrate.get_config()
    return config, ScriptDirectory.from_config(config)


def picture(engine: Engine) -> dict[str, Any]:
    """All that a database says of its tables, save the migrations' own."""
    looking = inspect(engine)

    def by_name(found: list[Any]) -> list[Any]:
        return sorted(found, key=lambda each: str(each.get("name")))

    return {
        table: {
            "columns": sorted(
                (each["name"], str(each["type"]), each["nullable"], str(each["default"]))
                for each in looking.get_columns(table)
            ),
            "primary key": looking.get_pk_constraint(table),
            "foreign keys": by_name(looking.get_foreign_keys(table)),
            "indexes": [
                # A condition is an expression, which equals nothing but itself.
                {
                    **each,
                    "dialect_options": {
                        name: str(value) for name, value in each.get("dialect_options", {}).items()
                    },
                }
                for each in by_name(looking.get_indexes(table))
            ],
            "unique": by_name(looking.get_unique_constraints(table)),
            "checks": by_name(looking.get_check_constraints(table)),
        }
        for table in looking.get_table_names()
        if table != "alembic_version"
    }


def fill() -> None:
    """Rows in the tables that matter, each pointing to others."""
    people = make.people()
    target = make.legislator("Ruth", "Quill")
    campaign = make.campaign(chapters=(people.school_a,), targets=(target,))
    member = make.member("Zoë", "Núñez", people.school_a)
    day = date(2026, 2, 3)
    action = Action(
        channel="postcard",
        campaign_id=campaign.id,
        happened_on=day,
        pieces=3,
        unnamed=1,
        client_key="one",
        chapters=[ActionChapter(chapter_id=people.school_a.id, happened_on=day)],
        members=[ActionMember(member_id=member.id, pieces=2)],
        targets=[
            ActionTarget(
                target_id=target.id,
                pieces=3,
                channel="postcard",
                campaign_id=campaign.id,
                happened_on=day,
                outcomes=[Outcome(kind="form reply", received_on=day)],
            )
        ],
    )
    with db.unit_of_work():
        db.session.add(action)
        audit.record("make", "test", None, by=None)
    db.session.remove()


def test_it_works(blank_app: Flask) -> None:
    assert database_state() is State.EMPTY
    migrate_database()
    assert database_state() is State.CURRENT
    fill()


def test_up_from_nothing_equals_the_models(blank_app: Flask, blank: Callable[[str], str]) -> None:
    migrate_database()
    models = create_engine(blank("models"))
    db.metadata.create_all(models)
    expected = picture(models)
    models.dispose()
    assert picture(db.extension.engine) == expected


def test_down_and_up_again_with_rows_in_the_tables(blank_app: Flask) -> None:
    migrate_database()
    before = picture(db.extension.engine)
    config, directory = script(blank_app)
    fill()
    for _revision in directory.walk_revisions():
        with db.unit_of_work():
            command.downgrade(config, "-1")
    assert picture(db.extension.engine) == {}
    migrate_database()
    assert picture(db.extension.engine) == before
    fill()


def test_the_revisions_are_numbered_in_one_line(app: Flask) -> None:
    _, directory = script(app)
    numbers = [revision.revision for revision in directory.walk_revisions()]
    assert numbers == [f"{number:04}" for number in range(len(numbers), 0, -1)]
