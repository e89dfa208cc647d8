"""What a progress report is asked for by its address, and how it is kept and asked again."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Flask, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from crm.campaigns.models import Campaign, Strategy
from crm.core import db
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.members.disclosure import Viewer
from crm.members.models import Chapter
from crm.outreach.filters import read_day
from crm.reports import periods
from crm.reports.catalogue import reports
from crm.reports.extracts import Extract
from crm.reports.progress.audiences import AUDIENCES
from crm.reports.progress.document import ALWAYS, SECTIONS, Wish, document, facts_of
from crm.reports.sources import Reading, Source

#: What an address may say. Sections are one word, parted by commas.
NAMES = ("strategy", "campaign", "chapter", "period", "since", "until", "as_of", "audience",
         "sections")  # fmt: skip


def flat(args: Any) -> dict[str, str]:
    """The part of an address that is meant; ticked sections as one word."""
    found = {name: value for name in NAMES if (value := (args.get(name) or "").strip())}
    ticked = args.getlist("section") if hasattr(args, "getlist") else []
    if ticked and set(ticked) < set(SECTIONS) - set(ALWAYS):
        found["sections"] = ",".join(each for each in SECTIONS if each in ticked)
    return found


def wished(given: Mapping[str, str], day: date) -> Wish:
    """What an address asks for, on a day. Raises `Refused` with what cannot be meant."""
    audience = AUDIENCES.get(given.get("audience", ""))
    if audience is None:
        raise Refused(_("Choose whom the report is for."), "audience")
    strategy = _strategy(given.get("strategy"))
    as_of = _day(given.get("as_of"), "as_of")
    if as_of is not None and as_of >= day:
        # Today's knowledge is what there is.
        as_of = None
    known_on = as_of or day
    since, until = _period(given, strategy, known_on)
    if until < since:
        raise Refused(_("The period ends before it starts: swap From and To."), "until")
    for name, column in (("campaign", Campaign.slug), ("chapter", Chapter.slug)):
        value = given.get(name)
        if value and db.session.scalar(select(column).where(column == value)) is None:
            raise _unknown(value, name)
    if audience.needs_chapter and not given.get("chapter"):
        raise Refused(_("Choose the school that it is for."), "chapter")
    wanted = frozenset(given.get("sections", "").split(",")) & SECTIONS.keys()
    return Wish(
        audience=audience,
        since=since,
        until=until,
        on=min(until, known_on),
        as_of=as_of,
        strategy=strategy.slug if strategy else None,
        campaign=given.get("campaign") or None,
        chapter=given.get("chapter") or None,
        sections=(wanted | frozenset(ALWAYS)) if wanted else frozenset(SECTIONS),
    )


def _period(given: Mapping[str, str], strategy: Strategy | None, day: date) -> tuple[date, date]:
    named = given.get("period")
    if named and named not in periods.NAMES:
        raise _unknown(named, "period")
    days = periods.days_of(named, day) if named else periods.Days(None, None)
    last = _day(given.get("until"), "until") or days.last or day
    first = _day(given.get("since"), "since") or days.first
    if first is None:
        # A year, or what there was of the strategy.
        first = _year_before(last)
        if strategy is not None and first < strategy.starts_on <= last:
            first = strategy.starts_on
    return first, last


def _strategy(slug: str | None) -> Strategy | None:
    if not slug:
        return None
    found = db.session.scalars(select(Strategy).where(Strategy.slug == slug)).one_or_none()
    if found is None:
        raise _unknown(slug, "strategy")
    return found


def _unknown(value: str, name: str) -> Refused:
    return Refused(_("Nothing is known as “%(value)s”.", value=value[:80]), name)


def _day(typed: str | None, name: str) -> date | None:
    if not typed:
        return None
    try:
        return read_day(typed)
    except Refused as refusal:
        raise Refused(str(refusal.message), name) from refusal


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _read(given: Mapping[str, str], _viewer: Viewer, on: date) -> Reading:
    wish, meant = wished(given, on), flat(given)
    days = {"since": wish.since.isoformat(), "until": wish.until.isoformat()}
    written = {name: value for name, value in meant.items() if name != "period"} | days
    of_it = {name.partition(":")[0] for key in wish.sections for name in SECTIONS[key].reports}
    limited = any(reports()[name].limits is not None for name in of_it & reports().keys())
    return Reading(
        given=written,
        facts=facts_of(wish),
        as_of=wish.as_of or on,
        tells_of_members=limited,
        now={name: value for name, value in written.items() if name != "as_of"},
        moving=meant,
    )


def _answer(app: Flask, given: Mapping[str, str], viewer: Viewer) -> Sequence[Extract]:
    return document(app, wished(given, today()), viewer).extracts


SOURCE = Source(
    name="progress",
    title=_l("Progress report"),
    icon="file-earmark-bar-graph",
    told=_l("How far a strategy or a campaign is, with all that was done for it: to be signed."),
    address=lambda given: url_for("reports.progress", **dict(given)),  # type: ignore[arg-type]
    read=_read,
    answer=_answer,
)
