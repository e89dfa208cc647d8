"""The end of a school year: everything listed, ticked, saved once, and harmless the second time."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, insert, select

from crm.accounts.models import User
from crm.core import db, i18n, outbox
from crm.core.access import Role, Scope
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members import key_operations, keys, retention, year_end
from crm.members.consent_rules import Purpose
from crm.members.models import Chapter, Consent, Guardian, Guardianship, Member, Membership
from crm.members.rules import AgeBand
from crm.members.year_end import Decided, close_year, closing_year, last_day, plan
from tests import make

JULY = date(2026, 7, 6)
ALL = Scope(everywhere=True, chapter_ids=frozenset())


def member(name: str, chapter: Chapter, **values: Any) -> Member:
    left_on = values.pop("left_on", None)
    record = make.member(name, "Pine", chapter)
    with db.unit_of_work():
        kept = db.session.get_one(Member, record.id)
        for key, value in values.items():
            setattr(kept, key, value)
        db.session.scalars(
            select(Membership).where(Membership.member_id == record.id)
        ).one().left_on = left_on
        make.audit.record("make", "test", None, by=None)
    return record


def school(people: SimpleNamespace) -> SimpleNamespace:
    """One of each case, and somebody about whom there is nothing to decide."""
    a, recently = people.school_a, JULY - timedelta(days=30)
    settled = {"graduation_year": 2028, "age_band": "older_teen", "age_band_on": recently}
    found = SimpleNamespace(
        graduate=member("Grad", a, **{**settled, "graduation_year": 2026}),
        late=member("Late", a, **{**settled, "graduation_year": 2025}),
        yearless=member("Yearless", a, **{**settled, "graduation_year": None}),
        aged=member("Aged", a, **{**settled, "age_band_on": date(2025, 6, 1)}),
        unknown=member("Unknown", a, graduation_year=2028),
        gone=member("Gone", a, **settled, left_on=date(2022, 6, 30)),
        newly_gone=member("Newly", a, **settled, left_on=date(2025, 6, 30)),
        settled=member("Settled", a, **settled),
        elsewhere=member("Elsewhere", people.school_b, graduation_year=2026),
        asked=member("Asked", a, **settled),
    )
    guardian = make.kept(Guardian(name="Gerda", search="gerda"))
    make.kept(Guardianship(member_id=found.asked.id, guardian_id=guardian.id))
    for purpose, ends_on in (
        (Purpose.PHOTO, date(2026, 6, 30)),
        (Purpose.MEDIA, JULY + timedelta(days=20)),
        (Purpose.OFFSITE, JULY + timedelta(days=300)),
    ):
        make.kept(
            Consent(
                member_id=found.asked.id, purpose=purpose.value, guardian_id=guardian.id,
                answer="given", how="paper", starts_on=date(2025, 9, 1), ends_on=ends_on,
            )
        )  # fmt: skip
    return found


def test_it_works(any_app: Flask) -> None:
    people = make.people()
    at = school(people)
    todo = plan(people.school_a.id, today=JULY)
    assert todo.year == 2026
    assert todo.graduates == [(at.graduate.id, 2026), (at.late.id, 2025)]
    assert todo.yearless == [at.yearless.id]
    assert {(each.member_id, each.next) for each in todo.aged} == {
        (at.aged.id, AgeBand.ADULT),
        (at.unknown.id, AgeBand.UNKNOWN),
    }
    assert [(each.member_id, list(each.purposes)) for each in todo.to_ask] == [
        (at.asked.id, [Purpose.PHOTO, Purpose.MEDIA])
    ]
    assert todo.long_gone == [(at.gone.id, date(2022, 6, 30))]
    with db.unit_of_work():
        key_operations.give_link(member_id=at.graduate.id, by=None, today=JULY)
    decided = Decided(
        graduates=[at.graduate.id, at.settled.id, at.elsewhere.id],
        years={at.yearless.id: 2027, at.settled.id: 1999},
        bands={at.aged.id: "adult", at.unknown.id: "child"},
        forgotten=[at.gone.id, at.settled.id],
    )
    before = db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0
    db.rollback()

    def close() -> year_end.Closed:
        with db.unit_of_work():
            return close_year(
                chapter_id=people.school_a.id, decided=decided, reason="the class of 2026",
                by=people.staff, today=JULY,
            )  # fmt: skip

    done = close()
    assert (done.graduated, done.years, done.bands, done.forgotten) == (1, 1, 2, 1)
    assert list(done.grown_up) == [at.aged.id]
    ended = db.session.scalars(
        select(Membership.left_on).where(Membership.left_on == last_day(2026))
    )
    assert len(ended.all()) == 1
    assert keys.working([at.graduate.id], now=db.now()) == []
    kept = {each.id: each for each in db.session.scalars(select(Member))}
    assert kept[at.yearless.id].graduation_year == 2027
    assert (kept[at.aged.id].age_band, kept[at.aged.id].age_band_on) == ("adult", JULY)
    assert kept[at.gone.id].forgotten_at is not None
    # Who was not in the plan is as before, whatever was sent.
    assert kept[at.settled.id].graduation_year == 2028
    assert kept[at.settled.id].forgotten_at is None
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "close_year")).all()
    assert [each.reason for each in entries] == ["the class of 2026"]
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == before + 2 + 0
    # A second time there is nothing to do.
    with pytest.raises(Refused, match="Nothing"):
        close()


def test_it_is_reviewed_before_the_year_is_over(any_app: Flask) -> None:
    """In June a graduate stays until the last day, and so does their card."""
    people = make.people()
    june = date(2026, 6, 10)
    grad = member("Grad", people.school_a, graduation_year=2026)
    with db.unit_of_work():
        key_operations.give_link(member_id=grad.id, by=None, today=june)
    decided = Decided(graduates=[grad.id])
    with db.unit_of_work():
        close_year(chapter_id=people.school_a.id, decided=decided, reason=None, by=None, today=june)
    membership = db.session.scalars(select(Membership)).one()
    assert membership.left_on == date(2026, 6, 30)
    assert plan(people.school_a.id, today=june).graduates == []


@given(st.dates(date(1990, 1, 1), date(2090, 12, 31)))
def test_which_year_is_closed(today: date) -> None:
    year = closing_year(today)
    assert -30 <= (today - last_day(year)).days <= 336
    assert closing_year(last_day(year)) == year


def test_who_may(any_app: Flask) -> None:
    people = make.people()
    at = school(people)

    def close(by: User, **what: Any) -> None:
        with db.unit_of_work():
            close_year(
                chapter_id=people.school_a.id, decided=Decided(**what), reason=None, by=by,
                today=JULY,
            )  # fmt: skip

    for by in (people.leader, people.outsider, people.viewer):
        with pytest.raises(Refused, match="not one of yours"):
            close(by, graduates=[at.graduate.id])
    with pytest.raises(Refused, match="may not forget"):
        close(people.coordinator, forgotten=[at.gone.id])
    with pytest.raises(Refused, match="year"):
        close(people.coordinator, years={at.yearless.id: 3})
    with pytest.raises(Refused, match="ages"):
        close(people.coordinator, bands={at.aged.id: "old"})
    close(people.coordinator, graduates=[at.graduate.id])


def test_statements_do_not_grow_with_members(any_app: Flask) -> None:
    """A thousand members are planned in as many statements as ten, save for the batches of ids."""
    people = make.people()
    counted: list[int] = []
    for many in (10, 1000):
        with db.unit_of_work():
            rows = [
                {"pseudonym": f"M-{many}-{n}", "given_name": f"N{n}", "search": f"n{n}",
                 "age_band": "older_teen", "custom": {}, "created_at": db.now()}
                for n in range(many)
            ]  # fmt: skip
            ids = db.session.scalars(insert(Member).returning(Member.id), rows).all()
            db.session.execute(
                insert(Membership),
                [{"member_id": each, "chapter_id": people.school_a.id} for each in ids],
            )
            make.audit.record("make", "test", None, by=None)
        seen: list[str] = []
        engine = db.extension.engine

        def note(*args: Any, seen: list[str] = seen) -> None:
            seen.append(args[2])

        event.listen(engine, "before_cursor_execute", note)
        todo = plan(people.school_a.id, today=JULY)
        event.remove(engine, "before_cursor_execute", note)
        counted.append(len(seen))
        assert len(todo.aged) >= many
    assert counted[1] - counted[0] <= 3
    decided = Decided(
        years=dict.fromkeys(todo.yearless, 2028),
        bands={each.member_id: "older_teen" for each in todo.aged},
    )
    with db.unit_of_work():
        done = close_year(
            chapter_id=people.school_a.id, decided=decided, reason=None, by=None, today=JULY
        )
    assert done.years == done.bands == 1010
    assert not plan(people.school_a.id, today=JULY)


def test_the_page(app: Flask, sign_in: Any) -> None:
    people = make.people()
    today = i18n.today()
    year = closing_year(today)
    grad = member("Grad", people.school_a, graduation_year=year)
    aged = member("Aged", people.school_a, graduation_year=year + 2, age_band="young_teen")
    yearless = member("Yearless", people.school_a, age_band="adult")
    gone = member("Gone", people.school_a, age_band="adult", graduation_year=2000,
                  left_on=date(2010, 1, 1))  # fmt: skip
    coordinator = sign_in(people.coordinator)
    assert "/members/year-end" in coordinator.get("/members").get_data(as_text=True)
    page = coordinator.get("/members/year-end").get_data(as_text=True)
    for told in ("Grad Pine", "Aged Pine", "Yearless Pine", "Gone Pine", "Staff can forget them"):
        assert told in page
    assert f'id="forget-{gone.id}"' not in page
    assert coordinator.post("/members/year-end", data={}).status_code == 422
    sent = {"graduate": grad.id, "aged": aged.id, f"band-{aged.id}": "older_teen",
            f"year-{yearless.id}": "20x7"}  # fmt: skip
    wrong = coordinator.post("/members/year-end", data=sent)
    assert wrong.status_code == 422
    assert 'value="20x7"' in wrong.get_data(as_text=True)
    done = coordinator.post("/members/year-end", data={**sent, f"year-{yearless.id}": "2027"})
    assert done.status_code == 303
    page = coordinator.get(done.location).get_data(as_text=True)
    assert "1 graduated." in page
    assert "Grad Pine" not in page
    staff = sign_in(people.staff)
    address = "/members/year-end?chapter=alder-high-school"
    assert staff.post(address, data={"forget": gone.id}).status_code == 303
    page = staff.get(address).get_data(as_text=True)
    assert "Nothing is left to decide" in page
    assert sign_in(people.leader).get(address).status_code == 403
    other = sign_in(make.user(Role.COORDINATOR, people.school_b))
    assert other.get(address).status_code == 404


def test_an_age_that_was_chosen_needs_no_tick(app: Flask, sign_in: Any) -> None:
    people = make.people()
    unknown = member("Unknown", people.school_a, graduation_year=2050)
    still = member("Still", people.school_a, graduation_year=2050, age_band="young_teen")
    as_proposed = member("As", people.school_a, graduation_year=2050, age_band="young_teen")
    sent = {f"band-{unknown.id}": "child", f"band-{still.id}": "young_teen",
            f"band-{as_proposed.id}": "older_teen"}  # fmt: skip
    assert sign_in(people.coordinator).post("/members/year-end", data=sent).status_code == 303
    kept = {each.id: each for each in db.session.scalars(select(Member))}
    assert kept[unknown.id].age_band == "child"
    assert (kept[still.id].age_band, kept[still.id].age_band_on) == ("young_teen", i18n.today())
    assert kept[as_proposed.id].age_band_on is None


@pytest.mark.parametrize("sent", [{"graduate": "x"}, {"aged": "9" * 30}, {"year-²": "2027"},
                                  {"forget": "-1"}])  # fmt: skip
def test_what_no_person_sends(app: Flask, sign_in: Any, sent: dict[str, str]) -> None:
    people = make.people()
    member("Grad", people.school_a, graduation_year=2020)
    assert sign_in(people.staff).post(
        "/members/year-end?chapter=alder-high-school", data=sent
    ).status_code == 422  # fmt: skip


def test_who_may_forget_is_told_once_a_month(
    mailing_app: Flask, letterbox: SimpleNamespace
) -> None:
    people = make.people()
    school(people)
    for _twice in range(2):
        with db.unit_of_work():
            retention.tell(date(2026, 7, 1))
    told = set()
    for _each in range(2):
        _sender, [address], message = letterbox.next()
        text = message.get_body(("plain",)).get_content()
        told.add(address)
        assert f"- {people.school_a.name}: 1 member" in text
        assert f"/members/year-end?chapter={people.school_a.slug}" in text
    # Staff of the whole and administrators; coordinators and leaders forget nobody.
    assert told == {people.staff.email, people.admin.email}
    assert letterbox.box.received.empty()
    # Nobody is forgotten by it, and where nobody left too long ago nothing is written.
    assert plan(people.school_a.id, today=JULY).long_gone
    with db.unit_of_work():
        retention.tell(date(2024, 7, 1))
    outbox.drain()
    assert letterbox.box.received.empty()


def test_each_is_told_of_the_chapters_in_which_they_decide(any_app: Flask) -> None:
    people = make.people()
    school(people)
    names = [(chapter.name, count) for chapter, count in retention.waiting(ALL, JULY)]
    assert names == [(people.school_a.name, 1)]
    there = Scope(False, frozenset({people.school_b.id}))
    assert retention.waiting(there, JULY) == []
