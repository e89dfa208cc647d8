"""Frozen reports: what was said, by digest; never changed; compared with what is said now."""

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError, NoResultFound

from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.members.disclosure import Viewer
from crm.reports import frozen, sources
from crm.reports.code_version import code_version, commit_of
from crm.reports.differences import compare_all
from crm.reports.extracts import canonical
from crm.reports.models import FrozenReport
from tests import make
from tests.reports.conftest import ids, logged


def keep(by: Any, report: str = "activity-by-target", reason: str = "", **given: str) -> str:
    g.pop("grants", None)
    with db.unit_of_work():
        by = db.session.merge(by)
        answered = frozen.ask(report, given, viewer=Viewer.of(by))
        return frozen.freeze(answered, reason=reason, by=by).code


@pytest.fixture
def work(any_app: Flask) -> SimpleNamespace:
    people = make.people()
    people.targets = ids(make.target("Niue", region="Oceania"), make.target("Tonga"))
    people.ana = make.member("Ana", "Secretname", people.school_a).id
    people.campaign = make.campaign().id
    logged("postcard", people.campaign, pieces=5, members={people.ana: 5},
           chapters=[people.school_a.id], targets={people.targets[0]: 5})  # fmt: skip
    people.app = any_app
    return people


def test_it_is_kept_word_for_word(work: SimpleNamespace) -> None:
    code = keep(work.staff, reason=" For the board ", channel="postcard")
    found = frozen.frozen(code.lower(), to=work.staff)
    assert code.startswith("F-")
    assert found.is_whole
    assert found.row.digest == sha256(found.row.content.encode()).hexdigest()
    again = json.loads(found.row.content)
    assert found.row.content == canonical(again)
    assert (found.row.query, found.row.reason) == ("channel=postcard", "For the board")
    assert (found.row.code_version, found.row.locale) == (code_version(), "en")
    assert found.facts == [("Channel", "Postcards")]
    assert [row[0] for row in found.extracts[0].rows] == ["Niue"]
    assert found.extracts[0].totals[4] == 5
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "freeze_report")).one()
    assert entry.changes["digest"] == found.row.digest
    assert list(frozen.faults()) == []
    assert frozen.is_guarded()


def test_a_button_pressed_twice_keeps_it_once(work: SimpleNamespace) -> None:
    first = keep(work.staff, reason="For the board")
    assert keep(work.staff, reason="For the board") == first
    # Whoever says why otherwise, or froze it when it said something else, wants another.
    assert keep(work.staff, reason="For a funder") != first
    logged("postcard", work.campaign, pieces=2, targets={work.targets[1]: 2})
    assert keep(work.staff, reason="For the board") != first


def test_the_database_refuses_to_change_or_delete_it(work: SimpleNamespace) -> None:
    keep(work.staff)
    statements: list[Any] = [
        update(FrozenReport).values(title="Other"),
        delete(FrozenReport),
        text("UPDATE frozen_report SET content = ''"),
        text("DELETE FROM frozen_report"),
    ]
    for statement in statements:
        with pytest.raises(DBAPIError, match="changed by no one"), db.unit_of_work():
            db.session.execute(statement)
    assert frozen.how_many() == 1
    assert list(frozen.faults()) == []


def test_whoever_goes_past_the_database_is_found(app: Flask) -> None:
    """The digest tells of a changed text, and of a row that says another thing than its text."""
    staff = make.people().staff
    codes = [keep(staff, reason=why) for why in ("For the board", "For a funder")]
    with db.extension.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER frozen_report_no_update")
        connection.exec_driver_sql(
            "UPDATE frozen_report SET content = replace(content, 'Activity', 'Idleness') "
            "WHERE code = ?", (codes[0],)
        )  # fmt: skip
        connection.exec_driver_sql(
            "UPDATE frozen_report SET as_of = '2020-01-01' WHERE code = ?", (codes[1],)
        )
    assert list(frozen.faults()) == codes
    assert not frozen.is_guarded()


def test_members_are_numbers_and_those_who_see_fewer_do_not_open_it(work: SimpleNamespace) -> None:
    of_people = keep(work.staff, "activity-by-member")
    plain = keep(work.staff)
    near = keep(work.coordinator, "activity-by-member")
    row = frozen.frozen(of_people, to=work.admin).row
    assert "Secretname" not in row.content
    assert "Ana" not in row.content
    assert row.shows_people
    assert row.sees == sorted(each.id for each in (work.state, work.school_a, work.school_b))
    # By the chapters its maker saw, not by who made it.
    opened = {
        who: {each.code for each in db.session.scalars(frozen.visible_to(getattr(work, who)))}
        for who in ("admin", "staff", "coordinator", "leader", "outsider", "viewer")
    }
    assert opened == {
        "admin": {of_people, plain, near},
        "staff": {of_people, plain, near},
        "coordinator": {plain, near},
        "leader": {plain, near},
        "outsider": {plain},
        "viewer": {plain},
    }
    for who, codes in opened.items():
        for code in (of_people, plain, near):
            if code in codes:
                assert frozen.frozen(code, to=getattr(work, who))
            else:
                with pytest.raises(NoResultFound):
                    frozen.frozen(code, to=getattr(work, who))
    with pytest.raises(NoResultFound):
        frozen.frozen(plain, to=make.user())


def test_who_may_not_download_may_not_freeze(work: SimpleNamespace) -> None:
    for who in (work.leader, work.viewer):
        with pytest.raises(Refused, match="may not freeze"):
            keep(who)
    with pytest.raises(Refused, match="not a date"):
        keep(work.staff, since="spring")
    with pytest.raises(Refused, match="no report called"):
        keep(work.staff, "nothing")
    assert frozen.how_many() == 0


def test_asked_again_it_tells_what_has_happened_since(work: SimpleNamespace) -> None:
    code = keep(work.coordinator, "activity-by-member")
    found = frozen.frozen(code, to=work.staff)
    # Whoever sees more asks for the same eyes: nothing changed.
    now, _given, _at = frozen.ask_now(found)
    assert [each.is_nothing for each in compare_all(found.extracts, now)[0]] == [True]
    logged("postcard", work.campaign, pieces=2, members={work.ana: 2},
           chapters=[work.school_a.id], targets={work.targets[1]: 2})  # fmt: skip
    found = frozen.frozen(code, to=work.staff)
    now, _given, _at = frozen.ask_now(found)
    [difference] = compare_all(found.extracts, now)[0]
    [changed] = difference.changed
    assert [(cell.column.key, cell.before, cell.after) for cell in changed.cells] == [
        ("pieces", 5, 7), ("actions", 1, 2)
    ]  # fmt: skip
    assert difference.told is not None
    # What was frozen says what it said.
    assert found.is_whole
    assert found.extracts[0].totals[2] == 5


def test_the_version_is_told_without_git(tmp_path: Path) -> None:
    assert code_version()
    assert commit_of(tmp_path) is None
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\nabc1 refs/heads/other\nabc2 refs/heads/main\n")
    assert commit_of(tmp_path) == "abc2"
    (git / "refs/heads/main").write_text("abc3\n")
    assert commit_of(tmp_path) == "abc3"
    (git / "HEAD").write_text("abc4\n")
    assert commit_of(tmp_path) == "abc4"
    second = tmp_path / "second"
    (git / "worktrees/second").mkdir(parents=True)
    (git / "worktrees/second/HEAD").write_text("ref: refs/heads/main\n")
    (git / "worktrees/second/commondir").write_text("../..\n")
    second.mkdir()
    (second / ".git").write_text(f"gitdir: {git / 'worktrees/second'}\n")
    assert commit_of(second) == "abc3"


def test_periods_that_move_stand_still(work: SimpleNamespace) -> None:
    """A named period is frozen as its days; compared with the one before, as asked on that day."""
    code = keep(work.staff, period="last-school-year", channel="postcard")
    found = frozen.frozen(code, to=work.staff)
    assert set(found.given) == {"since", "until", "channel"}
    assert "Last school year" in dict(found.facts)["Period"]
    now, _reading, _at = frozen.ask_now(found)
    assert compare_all(found.extracts, now)[0][0].is_nothing
    code = keep(work.staff, period="last-school-year", compare="before")
    found = frozen.frozen(code, to=work.staff)
    assert found.given["period"] == "last-school-year"
    assert found.given["on"] == today().isoformat()
    now, _reading, _at = frozen.ask_now(found)
    assert compare_all(found.extracts, now)[0][0].is_nothing
    # Days by hand that are not over, too: tomorrow there is one more of them to compare.
    last = today() + timedelta(days=9)
    code = keep(work.staff, since=today().isoformat(), until=last.isoformat(), compare="before")
    found = frozen.frozen(code, to=work.staff)
    assert found.given["on"] == today().isoformat()
    assert any("This period is not over" in value for _label, value in found.facts)
    # What is saved goes on moving.
    source = sources.source("activity-by-target")
    assert source is not None
    reading = source.read({"period": "last-term"}, Viewer.of(work.staff), today())
    assert reading.moving == {"period": "last-term"}


def test_as_of_an_earlier_day(work: SimpleNamespace) -> None:
    code = keep(work.staff, as_of=today().isoformat())
    found = frozen.frozen(code, to=work.staff)
    assert (found.row.as_of, found.given) == (today(), {"as_of": today().isoformat()})
    _now, reading, _at = frozen.ask_now(found)
    assert reading.now == {}


def test_the_explorer_is_kept_as_reports_are(work: SimpleNamespace) -> None:
    code = keep(work.staff, "explorer", rows="channel", columns="none", measure="pieces")
    found = frozen.frozen(code, to=work.staff)
    assert found.is_whole
    assert found.extracts[0].rows
    now, _reading, _at = frozen.ask_now(found)
    assert compare_all(found.extracts, now)[0][0].is_nothing
