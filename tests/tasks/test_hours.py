"""Hours of service: what counts, who signs, and what a correction does to a signature."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound

from crm.core import audit, db
from crm.core.access import Role, Scope
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members import forgetting, merging, own_data
from crm.members.models import Member
from crm.outreach.models import Action
from crm.outreach.operations import correct_action, log_action, undo_action
from crm.tasks.hours import State, Year, lines_of, sums, year_asked
from crm.tasks.hours_operations import sign_all, sign_hours, unsign_hours
from crm.tasks.hours_sums import by_member, whole
from crm.tasks.models import HoursSigned, Task, TaskAction
from tests import make
from tests.members.test_queries import statements
from tests.tasks.conftest import TODAY, again, link

YEAR = Year(2026)
EVERYWHERE = Scope(True, frozenset())
Log = Callable[..., int]


@pytest.fixture
def log() -> Log:
    """Log 30 postcards of Ana and Ben, an hour of both together, with what is given changed."""
    keys = iter(range(10_000))

    def log(scene: SimpleNamespace, **changes: Any) -> int:
        ana, ben = scene.members[:2]
        given: dict[str, Any] = {
            "channel": "postcard",
            "campaign_id": scene.campaign,
            "happened_on": date(2026, 3, 3),
            "pieces": 30,
            "targets": dict.fromkeys(scene.targets, 10),
            "members": {ana: 20, ben: 10},
            "minutes": 60,
            "chapter_ids": [scene.school_a],
            "client_key": f"hours-{next(keys)}",
            "by": None,
            "today": TODAY,
        }
        with db.unit_of_work():
            return log_action(**given | changes).id

    return log


def task(scene: SimpleNamespace, **values: Any) -> int:
    done = {
        "title": "Sort the stamps",
        "chapter_id": scene.school_a,
        "member_id": scene.members[0],
        "state": "completed",
        "minutes": 25,
        "finished_at": datetime(2026, 4, 2, 12, tzinfo=UTC),
    }
    number: int = make.kept(Task(**done | values)).id
    return number


def sign(scene: SimpleNamespace, member: int, **more: Any) -> int:
    with db.unit_of_work():
        return sign_hours(**{"member_id": member, "year": YEAR, "by": None} | more)


def lines(member: int, year: Year = YEAR) -> list[tuple[str, int, State]]:
    return [(each.what, each.minutes, each.state) for each in lines_of([member], year)[member]]


def signed_rows() -> int:
    return db.session.scalar(select(func.count()).select_from(HoursSigned)) or 0


def test_it_works(any_scene: SimpleNamespace, log: Log) -> None:
    """Outreach by the member's own part, a task beside it by its minutes, each once."""
    s = any_scene
    ana, ben, cleo = s.members
    number = log(s)
    stamps, logged = task(s), task(s, title="Write ten cards", minutes=40)
    task(s, title="Open still", state="in-process")
    make.kept(TaskAction(task_id=logged, action_id=number))
    assert lines(ana) == [
        ("20 postcards", 40, State.UNSIGNED),
        ("Sort the stamps", 25, State.UNSIGNED),
    ]
    assert lines(cleo) == []
    coordinator = again(s.people.coordinator)
    assert sign(s, ana, by=coordinator, seen={f"a{number}": 40}) == 1
    assert sign(s, ana, by=again(s.people.coordinator)) == 1
    assert sign(s, ana, by=again(s.people.coordinator)) == 0
    found = lines_of([ana, ben], YEAR)
    assert (sums(found[ana]).signed, sums(found[ana]).unsigned) == (65, 0)
    assert (sums(found[ben]).signed, sums(found[ben]).unsigned) == (0, 20)
    signature = found[ana][0].signature
    assert signature is not None
    assert signature.by is not None
    assert signature.by.name == "Cory Coordinator"
    assert set(found[ana][0].targets) == {"Shelley Alder, WV 2", "Jim Birch, WV 1", "Niue"}
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "sign_hours")).all()
    assert [(e.kind, e.record_id, e.changes["minutes"]) for e in entries] == [
        ("member", ana, 40),
        ("member", ana, 25),
    ]
    assert entries[1].changes["task_id"] == [stamps]


def test_a_school_year(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    ana = s.members[0]
    for on in (date(2025, 6, 30), date(2025, 7, 1), date(2026, 4, 30)):
        log(s, happened_on=on)
    assert [len(lines(ana, Year(each))) for each in (2025, 2026, 2027)] == [1, 2, 0]
    assert (YEAR.first, YEAR.last, YEAR.words) == (date(2025, 7, 1), date(2026, 6, 30), "2025–26")
    assert year_asked("2025", today=TODAY) == Year(2025)
    for text in (None, "", "x", "99999999999", "-1", "0", "020261", "9999"):
        assert year_asked(text, today=TODAY) == YEAR


def test_what_changed_is_unsigned_until_it_is_signed_anew(
    any_scene: SimpleNamespace, log: Log
) -> None:
    s = any_scene
    ana, ben, _cleo = s.members
    number = log(s)
    sign(s, ana)
    given = {
        "campaign_id": s.campaign, "happened_on": date(2026, 3, 3), "pieces": 30,
        "targets": dict.fromkeys(s.targets, 10), "chapter_ids": [s.school_a],
    }  # fmt: skip
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, number), members={ana: 20, ben: 10}, minutes=90,
            reason=None, by=None, today=TODAY, **given,
        )  # fmt: skip
    assert lines(ana) == [("20 postcards", 60, State.CHANGED)]
    assert sums(lines_of([ana], YEAR)[ana]).signed == 0
    # Whoever read other minutes than there are signs for nothing.
    with pytest.raises(Refused, match="changed after you opened"):
        sign(s, ana, seen={f"a{number}": 40})
    assert sign(s, ana, seen={f"a{number}": 60}) == 1
    assert lines(ana) == [("20 postcards", 60, State.SIGNED)]
    assert signed_rows() == 1
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, number), by=None)
    assert lines(ana) == [("Postcards", 0, State.GONE)]
    assert sums(lines_of([ana], YEAR)[ana]).minutes == 0
    assert sign(s, ana) == 0


def test_nobody_signs_for_themselves(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    ana, ben, _cleo = s.members
    log(s)
    with db.unit_of_work():
        db.session.get_one(Member, ana).user_id = None
        audit.record("make", "test", None, by=None)
    link(ana, s.people.coordinator)
    for act in (
        lambda by: sign(s, ana, by=by),
        lambda by: sign_all(seen={ana: 40, ben: 20}, chapter_ids=[s.school_a], year=YEAR, by=by),
        lambda by: unsign_hours(member_id=ana, keys=["a1"], year=YEAR, reason="x", by=by),
    ):
        with pytest.raises(Refused, match="their own hours"), db.unit_of_work():
            act(again(s.people.coordinator))
    assert sign(s, ben, by=again(s.people.coordinator)) == 1


@pytest.mark.parametrize("who", ["outsider", "leader", "member", "viewer"])
def test_who_may_not_sign(any_scene: SimpleNamespace, log: Log, who: str) -> None:
    s = any_scene
    log(s)
    with pytest.raises(NoResultFound):
        sign(s, s.members[1], by=again(getattr(s.people, who)))
    other = make.user(Role.COORDINATOR, s.people.school_b)
    with pytest.raises(NoResultFound):
        sign(s, s.members[1], by=again(other))
    assert signed_rows() == 0


def test_taken_back_for_a_reason(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    ana = s.members[0]
    number = log(s)
    sign(s, ana)
    with pytest.raises(Refused, match="Say why"), db.unit_of_work():
        unsign_hours(member_id=ana, keys=[f"a{number}"], year=YEAR, reason=" ", by=None)
    with pytest.raises(Refused, match="Tick the lines"), db.unit_of_work():
        unsign_hours(member_id=ana, keys=["a999"], year=YEAR, reason="Mistake", by=None)
    with db.unit_of_work():
        assert unsign_hours(
            member_id=ana, keys=[f"a{number}"], year=YEAR, reason="Mistake", by=None
        ) == 1  # fmt: skip
    assert lines(ana) == [("20 postcards", 40, State.UNSIGNED)]
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "unsign_hours")).one()
    assert entry.reason == "Mistake"


def test_several_at_once(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    ana, ben, _cleo = s.members
    log(s)
    task(s)
    log(s, chapter_ids=[s.school_b], members={ana: 30}, minutes=30)
    coordinator = s.people.coordinator
    with pytest.raises(Refused, match="changed after"), db.unit_of_work():
        sign_all(seen={ana: 1, ben: 20}, chapter_ids=[s.school_a], year=YEAR, by=again(coordinator))
    with db.unit_of_work():
        done = sign_all(
            seen={ana: 65, ben: 20}, chapter_ids=[s.school_a], year=YEAR, by=again(coordinator)
        )
    assert done == 3
    # What she did with another chapter is not of this one, and stays as it is.
    assert [each[1:] for each in lines(ana)] == [
        (40, State.SIGNED), (30, State.UNSIGNED), (25, State.SIGNED),
    ]  # fmt: skip
    with pytest.raises(Refused, match="Tick whom"), db.unit_of_work():
        sign_all(seen={}, chapter_ids=[s.school_a], year=YEAR, by=None)


def test_a_chapter_adds_up(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    ana, ben, _cleo = s.members
    log(s, members={ana: 10, ben: 10})
    task(s)
    log(s, chapter_ids=[s.school_a, s.school_b], members={s.stranger: 30}, minutes=45)
    sign(s, ana)
    of_a = Scope(False, frozenset({s.school_a}))
    found = whole([s.school_a], YEAR, of_a)
    assert (found.seen, found.others, found.unnamed) == (65, 45, 20)
    assert (found.actions, found.tasks, found.signed, found.members) == (105, 25, 45, 2)
    rows = db.session.execute(by_member([s.school_a], YEAR, of_a)).all()
    assert [(row.member_id, int(row.minutes), int(row.signed)) for row in rows] == [
        (ana, 45, 45),
        (ben, 20, 0),
    ]
    # Joint work is once in the state's, and once in each school's.
    assert whole([s.school_a, s.school_b], YEAR, EVERYWHERE).actions == 105
    assert whole([s.school_b], YEAR, EVERYWHERE).actions == 45
    assert whole([s.state], YEAR, EVERYWHERE).all == 0


deeds = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, 2), st.integers(0, 12), max_size=3),
        st.integers(0, 9),
        st.one_of(st.none(), st.integers(0, 500)),
        st.booleans(),
    ),
    max_size=6,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds)
def test_members_and_nobody_named_are_the_outreach(scene: SimpleNamespace, what: Any) -> None:
    """Whatever was logged: the minutes listed, of others and of nobody are all there are."""
    before = whole([scene.school_a], YEAR, EVERYWHERE)
    logged = 0
    for place, (parts, unnamed, minutes, signs) in enumerate(what):
        members = {scene.members[each]: pieces for each, pieces in parts.items()}
        pieces = sum(members.values()) + unnamed or 1
        if minutes is not None:
            logged += minutes
        with db.unit_of_work():
            log_action(
                channel="letter", campaign_id=scene.campaign, happened_on=date(2026, 3, 3),
                pieces=pieces, targets={scene.targets[0]: pieces}, members=members,
                minutes=minutes, chapter_ids=[scene.school_a], by=None, today=TODAY,
                client_key=f"{place}-{datetime.now(UTC).timestamp()}",
            )  # fmt: skip
        if signs and members:
            sign(scene, next(iter(members)))
    found = whole([scene.school_a], YEAR, Scope(False, frozenset({scene.school_a})))
    assert found.actions == before.actions + logged
    assert found.seen + found.others + found.unnamed == found.all
    assert min(found.seen, found.others, found.unnamed, found.signed, found.unsigned) >= 0
    by_line = lines_of(scene.members, YEAR)
    assert found.seen == sum(sums(each).minutes for each in by_line.values())
    assert found.signed == sum(sums(each).signed for each in by_line.values())


def test_merged_members_keep_what_was_signed(any_scene: SimpleNamespace, log: Log) -> None:
    """Both took part and both were signed for: the line is the sum, and to be signed anew."""
    s = any_scene
    ana, ben, cleo = s.members
    log(s)
    log(s, members={cleo: 30})
    for each in (ana, ben, cleo):
        sign(s, each)
    with db.unit_of_work():
        done = merging.merge(kept_id=ana, merged_id=cleo, by=None).id
    assert [each[1:] for each in lines(ana)] == [(40, State.SIGNED), (60, State.SIGNED)]
    with db.unit_of_work():
        merging.unmerge(merge_id=done, by=None)
    assert [each[1:] for each in lines(cleo)] == [(60, State.SIGNED)]
    with db.unit_of_work():
        db.session.get_one(Member, ben).user_id = None
        audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        merging.merge(kept_id=ana, merged_id=ben, by=None)
    assert [each[1:] for each in lines(ana)] == [(60, State.CHANGED)]


def test_a_forgotten_member_leaves_the_minutes(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    cleo = s.members[2]
    log(s, members={cleo: 30})
    sign(s, cleo)
    with db.unit_of_work():
        forgetting.forget(member_id=cleo, by=None, today=TODAY)
    found = whole([s.school_a], YEAR, EVERYWHERE)
    assert (found.seen, found.others, found.all) == (0, 60, 60)
    assert signed_rows() == 1
    entries = select(AuditEntry).where(AuditEntry.verb == "sign_hours")
    assert [entry.changes for entry in db.session.scalars(entries)] == [{}]


def test_their_file_tells_what_was_signed(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    ana = s.members[0]
    log(s)
    sign(s, ana, by=again(s.people.coordinator))
    asked = own_data.Asked(db.session.get_one(Member, ana), TODAY)
    parts = {part.key: part for part in own_data.document(asked).sections}
    (row,) = parts["hours-signed"].rows
    assert (row[1], row[2], row[4]) == ("Postcards", "40", "Cory")


def test_statements_do_not_grow(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    log(s)
    with statements() as few:
        lines_of(s.members, YEAR)
        whole([s.school_a], YEAR, EVERYWHERE)
    for _each in range(5):
        log(s)
    task(s)
    with statements() as many:
        lines_of(s.members, YEAR)
        whole([s.school_a], YEAR, EVERYWHERE)
    begun = ("BEGIN", "ROLLBACK")
    assert len([each for each in many if each not in begun]) <= 6
    assert len([each for each in few if each not in begun]) <= 6
    coordinator = again(s.people.coordinator)
    with statements() as of_signing, db.unit_of_work():
        sign_all(
            seen={s.members[0]: 265, s.members[1]: 120}, chapter_ids=[s.school_a], year=YEAR,
            by=coordinator,
        )  # fmt: skip
    assert len(of_signing) <= 16
