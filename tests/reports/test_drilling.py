"""Every number of every report leads to a list of as many records, under the same filter."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from crm.campaigns.models import Ask
from crm.campaigns.positions import record_position
from crm.core import db
from crm.core.tables import Kind, Share
from crm.outreach.commitments import Promised
from crm.outreach.filters import parse_filter
from crm.outreach.models import ActionMember, ActionTarget
from crm.outreach.queries import counted, total
from crm.reports.answering import answer
from crm.reports.catalogue import reports
from crm.reports.drilling import Links
from crm.reports.forms import parse
from crm.tasks.models import Task
from tests import make
from tests.reports import test_results
from tests.reports.test_results import EVERYWHERE, ON, came, went

field = test_results.field
SignIn = Callable[[Any], FlaskClient]


@pytest.fixture
def any_app(app: Flask) -> Flask:
    """Lists are the same whatever keeps them: one database is enough."""
    return app


@pytest.fixture
def done(field: SimpleNamespace) -> SimpleNamespace:
    """The field, with answers, promises, positions that moved and tasks."""
    went(field)
    came(field, field.letters, 0, "commitment", date(2026, 2, 1), promised=Promised("Vote"))
    came(field, field.letters, 0, "substantive_reply", date(2026, 2, 3))
    came(field, field.cards, 1, "returned", date(2026, 3, 20))
    asked = db.session.scalars(select(Ask.id).where(Ask.campaign_id == field.campaign)).one()
    with db.unit_of_work():
        for support, seen_on in ((-1, date(2026, 1, 2)), (1, date(2026, 4, 1))):
            record_position(
                target_id=field.targets[0], ask_id=asked, support=support, confidence="low",
                seen_on=seen_on, evidence_text="Said so.", by=None, today=ON,
            )  # fmt: skip
    done = {"state": "completed", "member_id": field.members[0]}
    make.kept(
        Task(title="Done", chapter_id=field.chapters[0], due_on=date(2026, 3, 10), **done,
             finished_at=datetime(2026, 3, 10, 20, tzinfo=UTC)),
        Task(title="Done, whenever", chapter_id=field.chapters[0], **done,
             finished_at=datetime(2026, 3, 10, 20, tzinfo=UTC)),
        Task(title="Late", chapter_id=field.chapters[0], in_pool=True, due_on=date(2026, 4, 30)),
        Task(title="Off", chapter_id=field.chapters[1], state="cancelled"),
    )  # fmt: skip
    return field


def outreach_of(values: dict[str, str]) -> set[int]:
    """What a list of outreach shows: actions, pieces and acts, those of targets, of members."""
    asked = parse_filter(values, EVERYWHERE)
    assert not asked.problems, values
    wanted, of = asked.wanted, asked.wanted.of_targets()
    entries = counted(wanted)
    actions = set(db.session.scalars(select(entries.c.id))) if "id" in entries.c else set()
    rows, pieces, targets = db.session.execute(
        select(func.count(), func.sum(ActionTarget.pieces),
               func.count(ActionTarget.target_id.distinct())).where(*of)
    ).one()  # fmt: skip
    members = select(func.sum(ActionMember.pieces)).where(ActionMember.action_id.in_(actions))
    if wanted.member_id is not None:
        members = members.where(ActionMember.member_id == wanted.member_id)
    many = db.session.scalar(select(func.count()).select_from(entries)) or 0
    return {many, total(wanted), rows, int(pieces or 0), targets,
            int(db.session.scalar(members) or 0)}  # fmt: skip


def listed(app: Flask, client: FlaskClient, address: str) -> set[int] | None:
    """How many records the page behind a number lists; None where it is about one thing."""
    path, values = urlsplit(address).path, dict(parse_qsl(urlsplit(address).query))
    if path == "/outreach":
        return outreach_of(values)
    if path.startswith("/reports/"):
        report = reports()[path.removeprefix("/reports/")]
        asked = parse(values, report, EVERYWHERE, on=ON)
        assert not asked.problems, address
        found = answer(app, asked.shown, asked.question(EVERYWHERE), most=10_000)
        places = [at for at, each in enumerate(asked.shown.columns) if each.kind is Kind.NUMBER]
        sums = {sum(row[at] or 0 for row in found.rows) for at in places}
        named = [at for at, each in enumerate(asked.shown.columns) if each.key == "target"]
        return {
            len(found.rows), found.reckoning.sums.total, *sums,
            *(len({row[at] for row in found.rows}) for at in named),
        }  # fmt: skip
    page = client.get(address)
    assert page.status_code == 200, address
    if path in ("/tasks", "/outreach/commitments"):
        table = page.text.split("<tbody>")
        return {table[1].split("</tbody>")[0].count("<tr") if len(table) > 1 else 0}
    return None


@pytest.mark.parametrize("given", [{}, {"chapter": "alder-high"}])
def test_it_works(
    given: dict[str, str], app: Flask, done: SimpleNamespace, sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("outreach.commitment_views", "tasks.board_views"):
        monkeypatch.setattr(f"crm.{name}.today", lambda: ON)
    client = sign_in(make.people().admin)
    wrong, seen = [], 0
    known: dict[str, set[int] | None] = {}
    for name, each in reports().items():
        for by, report in (each.ways or {"": each}).items():
            asked = parse(given | ({"by": by} if by else {}), each, EVERYWHERE, on=ON)
            if asked.problems:
                continue
            found = answer(app, report, asked.question(EVERYWHERE), most=10_000)
            with app.test_request_context():
                links = Links(report, asked.written)
                numbers = [
                    (column.key, row[at], links.records(column, row))
                    for row in found.rows
                    for at, column in enumerate(report.columns)
                    if column.kind in (Kind.NUMBER, Kind.SHARE)
                ] + [
                    (f"total {column.key}", value, links.records(column, None))
                    for column, value in zip(report.columns, found.totals, strict=False)
                    if column.kind in (Kind.NUMBER, Kind.SHARE)
                ]
            for key, number, address in numbers:
                # How long ago it was is no number of records; it leads to what was then.
                if address is None or number is None or key == "days":
                    continue
                seen += 1
                if address not in known:
                    known[address] = listed(app, client, address)
                many = known[address]
                # Of a share, the part or what it is a part of.
                either = {number.n, number.of} if isinstance(number, Share) else {number}
                if many is not None and not either & many:
                    wrong.append((name, by, key, number, address, many))
    assert seen > 100
    assert wrong == [], "\n".join(map(str, wrong))
