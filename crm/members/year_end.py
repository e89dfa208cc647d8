"""The end of a school year in a chapter: who graduates, who grew older, whose consent has ended,
and who left so long ago that the retention rule proposes to forget them.

Everything is listed first and then done in one step. What is done is asked of the plan anew, so
that doing it twice changes nothing more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import case, exists, func, select, update
from sqlalchemy.orm import aliased

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.settings import in_force
from crm.members import forgetting, queries
from crm.members.consent_rules import Answer, Purpose, State
from crm.members.disclosure import states
from crm.members.models import Chapter, Consent, Member, MemberKey, Membership
from crm.members.rules import YEARS, AgeBand

#: The month a school year is closed from, and its last day.
_FROM_MONTH, _LAST = 6, (6, 30)
#: Months in which the list of members offers it.
SEASON = range(6, 10)
#: Days after which somebody's age is asked again, and within which a consent soon ends.
_A_YEAR, _SOON = 365, 60
#: Members of a chapter that one page reviews, and that are forgotten in one step: for each, all
#: texts are looked through.
MOST, FORGET_MOST = 2_000, 25

_ORDER = (AgeBand.CHILD, AgeBand.YOUNG_TEEN, AgeBand.OLDER_TEEN, AgeBand.ADULT)


def closing_year(today: date) -> int:
    """The school year that is closed: the one that ends this summer, or ended last."""
    return today.year if today.month >= _FROM_MONTH else today.year - 1


def last_day(year: int) -> date:
    """The last day of the school year that ends in `year`."""
    return date(year, *_LAST)


def next_band(band: str) -> AgeBand:
    """The band after this one; whose age is unknown stays so until somebody says it."""
    if band not in _ORDER[:-1]:
        return AgeBand(band)
    return _ORDER[_ORDER.index(AgeBand(band)) + 1]


@dataclass(frozen=True)
class Aged:
    """A member whose age nobody confirmed for a year."""

    member_id: int
    band: AgeBand
    confirmed_on: date | None

    @property
    def next(self) -> AgeBand:
        """What is proposed."""
        return next_band(self.band)


@dataclass(frozen=True)
class ToAsk:
    """Purposes whose consent has ended, or ends soon and nobody said anything new."""

    member_id: int
    purposes: Sequence[Purpose]


@dataclass
class Plan:
    """What there is to decide, in the order of the page."""

    chapter_id: int
    year: int
    graduates: list[tuple[int, int]] = field(default_factory=list)
    yearless: list[int] = field(default_factory=list)
    aged: list[Aged] = field(default_factory=list)
    to_ask: list[ToAsk] = field(default_factory=list)
    #: Member and the day they left.
    long_gone: list[tuple[int, date]] = field(default_factory=list)

    @property
    def member_ids(self) -> set[int]:
        """Everybody it speaks of."""
        return (
            {each for each, _year in self.graduates}
            | set(self.yearless)
            | {each.member_id for each in self.aged}
            | {each.member_id for each in self.to_ask}
            | {each for each, _day in self.long_gone}
        )

    def __bool__(self) -> bool:
        return bool(self.member_ids)


def plan(chapter_id: int, *, today: date) -> Plan:
    """What a chapter's year leaves to decide. Statements do not grow with the members."""
    year = closing_year(today)
    found = Plan(chapter_id, year)
    rows = db.session.execute(
        select(
            Member.id, Member.graduation_year, Member.age_band, Member.age_band_on,
            func.max(Membership.joined_on),
        )
        .join(Membership, Membership.member_id == Member.id)
        .where(
            Membership.chapter_id == chapter_id,
            _lasts_beyond(last_day(year)),
            queries.open_on(today),
            *queries.present(),
        )
        .group_by(Member.id, Member.graduation_year, Member.age_band, Member.age_band_on)
        .order_by(Member.search, Member.id)
        .limit(MOST)
    ).all()  # fmt: skip
    confirmed_since = today - timedelta(days=_A_YEAR)
    staying = []
    for member_id, graduates, band, band_on, _joined_on in rows:
        if graduates is not None and graduates <= year:
            found.graduates.append((member_id, graduates))
            continue
        staying.append(member_id)
        if graduates is None:
            found.yearless.append(member_id)
        if band != AgeBand.ADULT and (
            band == AgeBand.UNKNOWN or band_on is None or band_on < confirmed_since
        ):
            found.aged.append(Aged(member_id, AgeBand(band), band_on))
    found.to_ask = to_ask(staying, today=today)
    found.long_gone = _long_gone(chapter_id, today)
    return found


def _lasts_beyond(day: date) -> Any:
    return Membership.left_on.is_(None) | (Membership.left_on > day)


def to_ask(member_ids: Collection[int], *, today: date) -> list[ToAsk]:
    """Whom to ask anew for what, in the order of the ids: the consents' page sends the links."""
    ending: dict[int, set[str]] = {}
    for some in db.batches(sorted(set(member_ids))):
        for member_id, purpose in db.session.execute(
            select(Consent.member_id, Consent.purpose).where(
                Consent.member_id.in_(some),
                Consent.answer == Answer.GIVEN.value,
                Consent.withdrawn_on.is_(None),
                Consent.ends_on <= today + timedelta(days=_SOON),
            )
        ):
            ending.setdefault(member_id, set()).add(purpose)
    now = states(ending, today=today)
    later = states(ending, today=today + timedelta(days=_SOON + 1))
    found = []
    for member_id in member_ids:
        wanted = ending.get(member_id, ())
        purposes = [
            each
            for each in Purpose
            if each in wanted
            and State.EXPIRED in (now[member_id].get(each), later[member_id].get(each))
        ]
        if purposes:
            found.append(ToAsk(member_id, purposes))
    return found


def _long_gone(chapter_id: int, today: date) -> list[tuple[int, date]]:
    """Who left this chapter last, longer ago than the retention rule keeps people."""
    rows = db.session.execute(
        select(Member.id, func.max(Membership.left_on))
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.chapter_id == chapter_id, *left_long_ago(today))
        .group_by(Member.id)
        .order_by(func.max(Membership.left_on), Member.id)
        .limit(MOST)
    )
    return [(member_id, left_on) for member_id, left_on in rows if left_on is not None]


def left_long_ago(today: date) -> Sequence[Any]:
    """Conditions on `Member` and a `Membership` of theirs: they left longer ago than the retention
    rule keeps people, and are nowhere else since.
    """
    before = _years_ago(today, int(in_force().retention_years))
    other = aliased(Membership)
    since = exists().where(
        other.member_id == Member.id,
        other.left_on.is_(None) | (other.left_on > before),
    )
    return (Membership.left_on <= before, ~since, *queries.present())


def _years_ago(today: date, years: int) -> date:
    try:
        return today.replace(year=today.year - years)
    except ValueError:
        return today.replace(year=today.year - years, day=28)


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What somebody ticked and chose."""

    graduates: Collection[int] = ()
    #: Member → year of graduation.
    years: Mapping[int, int] = field(default_factory=dict)
    #: Member → band.
    bands: Mapping[int, str] = field(default_factory=dict)
    forgotten: Collection[int] = ()


@dataclass(frozen=True)
class Closed:
    """What was done."""

    graduated: int
    years: int
    bands: int
    forgotten: int
    #: Those who are adults from now on: what their guardians said has lapsed.
    grown_up: Sequence[int]


def close_year(
    *, chapter_id: int, decided: Decided, reason: str | None, by: User | None, today: date
) -> Closed:
    """Do what was ticked, as far as it is still to be done: one entry in the record.

    Graduates' memberships end on the school year's last day, and their links and cards with them.
    Forgetting takes a right of its own and leaves an entry for each.
    """
    chapter = db.session.scalars(select(Chapter).where(Chapter.id == chapter_id)).one()
    if by is not None and not access.may(by, Can.CLOSE_YEAR, chapter.id):
        raise Refused(_("This chapter is not one of yours to change."))
    todo = plan(chapter_id, today=today)
    graduates = _of(decided.graduates, [each for each, _year in todo.graduates])
    years = {each: decided.years[each] for each in todo.yearless if each in decided.years}
    if any(year not in YEARS for year in years.values()):
        raise Refused(_("Give a year such as 2027."), "years")
    bands = {
        each.member_id: decided.bands[each.member_id]
        for each in todo.aged
        if each.member_id in decided.bands
    }
    if not set(bands.values()) <= set(AgeBand) - {AgeBand.UNKNOWN}:
        raise Refused(_("Choose one of the ages."), "bands")
    forgotten = _of(decided.forgotten, [each for each, _day in todo.long_gone])
    if forgotten and by is not None and not access.may(by, Can.FORGET_MEMBERS, chapter.id):
        raise Refused(_("You may not forget members. Staff can."))
    if len(forgotten) > FORGET_MOST:
        raise Refused(_("Forget at most %(most)s at once: tick fewer.", most=FORGET_MOST))
    if not (graduates or years or bands or forgotten):
        raise Refused(_("Nothing is ticked."))
    _graduate(chapter.id, graduates, todo.year, today)
    _set_each(years, "graduation_year")
    _set_each(bands, "age_band", age_band_on=today)
    for member_id in forgotten:
        forgetting.forget(member_id=member_id, by=by, today=today)
    changes = {
        "year": todo.year, "graduated": graduates, "graduation_years": years, "age_bands": bands,
        # Whom, the record does not say any more.
        "forgotten": len(forgotten),
    }  # fmt: skip
    audit.record("close_year", "chapter", chapter.id, by=by, changes=changes, reason=reason)
    grown_up = [each for each, band in bands.items() if band == AgeBand.ADULT]
    return Closed(len(graduates), len(years), len(bands), len(forgotten), grown_up)


def _of(chosen: Collection[int], possible: Sequence[int]) -> list[int]:
    wanted = set(chosen)
    return [each for each in possible if each in wanted]


def _graduate(chapter_id: int, member_ids: Sequence[int], year: int, today: date) -> None:
    end = last_day(year)
    for some in db.batches(sorted(set(member_ids))):
        db.session.execute(
            update(Membership)
            .where(
                Membership.member_id.in_(some),
                Membership.chapter_id == chapter_id,
                _lasts_beyond(end),
            )
            # Who joined after that day was there for one.
            .values(left_on=case((Membership.joined_on > end, Membership.joined_on), else_=end)),
            execution_options={"synchronize_session": False},
        )
        live = (MemberKey.member_id.in_(some), MemberKey.revoked_at.is_(None))
        if end <= today:
            work = update(MemberKey).where(*live).values(revoked_at=db.now())
        else:
            over = datetime.combine(end + timedelta(days=1), time(12), UTC)
            work = update(MemberKey).where(*live, MemberKey.expires_at > over)
            work = work.values(expires_at=over)
        db.session.execute(work, execution_options={"synchronize_session": False})


def _set_each(values: Mapping[int, Any], column: str, **more: Any) -> None:
    """Give each member their value: one statement for each value there is."""
    by_value: dict[Any, list[int]] = {}
    for member_id, value in values.items():
        by_value.setdefault(value, []).append(member_id)
    for value, ids in by_value.items():
        for some in db.batches(sorted(set(ids))):
            db.session.execute(
                update(Member).where(Member.id.in_(some)).values({column: value, **more}),
                execution_options={"synchronize_session": False},
            )


#: Headings of the groups, for the page.
HEADINGS = {
    "graduates": _l("Who graduates"),
    "yearless": _l("Whose year of graduation is not known"),
    "aged": _l("Whose age nobody confirmed for a year"),
    "to_ask": _l("Whose consent ends or has ended"),
    "long_gone": _l("Who left long ago"),
}
