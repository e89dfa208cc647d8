"""The floors: what a bare Flask and SQLAlchemy handler takes for the same work.

Nothing of ours is in here: tables are reflected, no sign-in, no checks, no layout. The connection
has the pragmas any SQLite site would set, so that a floor is not slow by neglect.
"""

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, redirect, render_template_string, request
from sqlalchemy import Connection, MetaData, create_engine, event, make_url, select
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session, joinedload, selectinload
from werkzeug.wrappers import Response

from tests.bench.places import address_of

LIST = """<!doctype html><title>List</title><h1>List</h1><table>
{% for each in rows %}<tr><td>{{ each.happened_on }}</td><td>{{ each.channel }}</td>
<td>{{ each.campaign.name }}</td><td>{{ each.pieces }}</td><td>{{ each.place or "" }}</td>
<td>{% for hit in each.action_target_collection %}{{ hit.target.name }} {% endfor %}</td></tr>
{% endfor %}</table>"""

TARGET = """<!doctype html><title>{{ target.name }}</title><h1>{{ target.name }}</h1><table>
{% for each in rows %}<tr><td>{{ each.happened_on }}</td><td>{{ each.channel }}</td>
<td>{{ each.campaign.name }}</td><td>{{ each.pieces }}</td><td>{{ each.action.place or "" }}</td>
<td>{% for came in each.outcome_collection %}{{ came.kind }} {{ came.received_on }} {% endfor %}
</td></tr>{% endfor %}</table>"""

TABLE = """<!doctype html><title>Report</title><h1>Report</h1><table>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</table>"""

#: Where the SQL of a page of ours is handed over, and how many of its rows a page shows.
STATEMENTS, ROWS = "statements.json", 100

LEDGER = """
SELECT action.happened_on, action.channel, campaign.name,
       (SELECT group_concat(chapter.name, ', ') FROM chapter JOIN action_chapter
        ON action_chapter.chapter_id = chapter.id WHERE action_chapter.action_id = action.id),
       target.name, post.label, coalesce(post.area, target.region), term.party,
       action_target.pieces,
       (SELECT count(*) FROM outcome WHERE outcome.action_target_id = action_target.id),
       action.place, action.id
FROM action JOIN campaign ON campaign.id = action.campaign_id
JOIN action_target ON action_target.action_id = action.id
JOIN target ON target.id = action_target.target_id
LEFT JOIN term ON term.id = action_target.term_id LEFT JOIN post ON post.id = term.post_id
WHERE action.happened_on >= ?
ORDER BY action.happened_on DESC, action.id DESC
"""


def make(folder: Path) -> tuple[Flask, str]:
    """The bare application on the folder's database. It needs no cookie."""
    app = Flask(__name__)
    engine = create_engine(address_of(folder))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _pragmas)
    base = automap_base()
    base.prepare(autoload_with=engine)
    tables: Any = base.classes
    action, hit = tables.action, tables.action_target

    @app.get("/list")
    def newest() -> str:
        statement = (
            select(action)
            .options(
                joinedload(action.campaign),
                selectinload(action.action_target_collection).joinedload(hit.target),
            )
            .order_by(action.happened_on.desc(), action.id.desc())
            .limit(50)
        )
        if campaign := request.args.get("campaign"):
            statement = statement.join(action.campaign).where(tables.campaign.slug == campaign)
        if channel := request.args.get("channel"):
            statement = statement.where(action.channel == channel)
        with Session(engine) as session:
            return render_template_string(LIST, rows=session.scalars(statement).all())

    @app.get("/target/<int:target_id>")
    def target(target_id: int) -> str:
        with Session(engine) as session:
            rows = session.scalars(
                select(hit)
                .where(hit.target_id == target_id)
                .options(
                    joinedload(hit.campaign),
                    joinedload(hit.action),
                    selectinload(hit.outcome_collection),
                )
                .order_by(hit.happened_on.desc(), hit.action_id.desc())
                .limit(50)
            ).all()
            one = session.get_one(tables.target, target_id)
            return render_template_string(TARGET, target=one, rows=rows)

    @app.get("/raw")
    def raw() -> str:
        sent = json.loads((folder / STATEMENTS).read_text())
        with engine.connect() as connection:
            found = [
                connection.exec_driver_sql(
                    sql, values if isinstance(values, dict) else tuple(values)
                ).all()
                for sql, values in sent
            ]
        return render_template_string(TABLE, rows=max(found, key=len)[:ROWS])

    @app.post("/log")
    def log() -> Response:
        form = request.form
        day = date.fromisoformat(form["happened_on"])
        moment = datetime.now(UTC).replace(tzinfo=None)
        campaign = int(form["campaign"])
        targets = [int(each) for each in form.getlist("target")]
        members = [int(each) for each in form.getlist("member")]
        pieces = int(form["pieces"])
        done = action(
            channel="postcard", campaign_id=campaign, happened_on=day, pieces=pieces, unnamed=0,
            details={}, origin="form", client_key=form["client_key"], logged_at=moment,
            people=len(members), place=form["place"],
        )  # fmt: skip
        with Session(engine) as session:
            session.add(done)
            session.flush()
            session.add(tables.action_chapter(action_id=done.id, chapter_id=2, happened_on=day))
            session.add_all(
                hit(
                    action_id=done.id, target_id=each, pieces=pieces // len(targets),
                    channel="postcard", campaign_id=campaign, happened_on=day, awaiting=True,
                )
                for each in targets
            )  # fmt: skip
            session.add_all(
                tables.action_member(
                    action_id=done.id, member_id=each, pieces=pieces // len(members)
                )
                for each in members
            )
            session.add(
                tables.audit_entry(
                    at=moment, verb="log_action", kind="action", record_id=done.id,
                    changes={"pieces": pieces},
                )
            )  # fmt: skip
            session.commit()
        return redirect("/list", 303)

    return app, ""


def asks(statement: str) -> bool:
    """Whether a statement reads or writes rows; beginning a transaction does not."""
    return not statement.startswith(("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE"))


def _pragmas(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


class Sink:
    """Takes text and keeps none; as `csv.writer` wants it."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


def ledger_rows(database: str, since: date) -> Iterator[tuple[Any, ...]]:
    """The rows of a big export straight from the driver; `database` is an address."""
    url = make_url(database)
    if url.get_backend_name() == "postgresql":
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        asked = LEDGER.replace("group_concat", "string_agg").replace("?", "%s")
        with psycopg.connect(plain) as postgres, postgres.cursor("ledger") as cursor:
            cursor.itersize = 2000
            yield from cursor.execute(asked, (since,))
        return
    connection = sqlite3.connect(url.database or "")
    yield from connection.execute(LEDGER, (since.isoformat(),))
    connection.close()


def write_csv(rows: Any) -> int:
    """The csv module on rows; returns how many there were."""
    writer = csv.writer(Sink())
    number = 0
    for row in rows:
        writer.writerow(row)
        number += 1
    return number


def treaty_events(connection: Connection) -> Callable[[], int]:
    """Reads every event of the ledger that holds, with the code of its state."""
    tables = MetaData()
    tables.reflect(connection, only=["treaty_event", "target_identifier"])
    event, code = tables.tables["treaty_event"], tables.tables["target_identifier"]
    later = event.alias()
    columns = "id treaty kind happened_on day_known until article year source".split()
    wanted = (
        select(code.c.identifier, *(event.c[name] for name in columns))
        .join(event, event.c.target_id == code.c.target_id)
        .outerjoin(later, later.c.corrects_id == event.c.id)
        .where(code.c.scheme == "iso3166-alpha3", later.c.id.is_(None))
        .where(event.c.kind != "retraction")
        .order_by(event.c.happened_on, event.c.id)
    )
    return lambda: len(connection.execute(wanted).all())
