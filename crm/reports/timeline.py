"""A target's time line: above where it stands, below what was done; each change with what came
before it. "Preceded by" and never more: that one followed the other proves nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from flask import request, url_for
from flask_babel import format_date
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy import Date, Integer, String, cast, func, literal, null, select, union_all

from crm.campaigns.models import Ask, Position
from crm.campaigns.rules import CONFIDENCES, SUPPORTS
from crm.core import access, db
from crm.core.access import Can
from crm.core.i18n import today
from crm.core.lanes import Lane, Mark, binned, draw, months_before
from crm.outreach.channels import channels
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import outcome_kinds
from crm.reports.rules import Tally
from crm.targets.models import Post, Target, Term
from crm.treaties import queries as treaties
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.models import TreatyEvent
from crm.treaties.rules import CONSENTS, KIND_LABELS

#: How long before a change outreach is told as having preceded it.
BEFORE = timedelta(days=90)
#: Months the picture shows unless all is asked for.
MONTHS = 24
#: Rows of each kind that are read, the newest first; days of a channel are one row.
MOST = 400
#: Actions and answers are those of so many actions, the newest: whatever a target has, the page
#: costs the same.
NEWEST = 1000
#: Answers that are drawn, the newest.
ANSWERS = 60
#: Changes told in the list, and asks that have a lane.
TOLD, ASKS = 8, 4


class _Row(NamedTuple):
    """What happened: the columns of one statement that asks for all of it."""

    what: str
    day: date
    until: date | None
    number: int | None
    record: int | None
    other: int | None
    word: str | None
    text: str | None


@dataclass(frozen=True)
class Change:
    """A position or a step to a treaty, and what preceded it."""

    on: date
    what: str
    #: Of a position: its ask; of a treaty step: the treaty.
    about: str
    url: str | None
    #: Empty for nothing; None where more happened than is read.
    preceded_by: str | None
    support: int | None = None
    note: str = ""


def of_target(target: Target) -> dict[str, Any]:
    """The panel of a target's page: one statement, however much there is."""
    rows = _read(target)
    by_kind: dict[str, list[_Row]] = {}
    for row in rows:
        by_kind.setdefault(row.what, []).append(row)
    positions, treaty = by_kind.get("position", []), by_kind.get("treaty", [])
    outreach, outcomes = by_kind.get("outreach", []), by_kind.get("outcome", [])
    whole_since = _whole_since(outreach)
    changes = sorted(
        [*(_moved(row, outreach, target.id, whole_since) for row in positions),
         *(_stepped(row, outreach, whole_since) for row in treaty)],
        key=lambda each: each.on,
        reverse=True,
    )  # fmt: skip
    standing: dict[int | None, _Row] = {}
    for row in positions:
        standing[row.other] = row
    days = [row.day for row in (*positions, *treaty, *outreach)]
    first = min(days, default=today())
    span = max(months_before(today(), MONTHS), first)
    shows_all = request.args.get("span") == "all"
    start = first if shows_all else span
    return {
        "target": target,
        "standing": list(standing.values()),
        "picture": _picture(target.id, by_kind, start) if days else None,
        "changes": changes[:TOLD],
        "earlier": changes[TOLD:],
        "is_cut": whole_since > date.min or any(len(each) > MOST for each in by_kind.values()),
        "older": sum(row.day < span for row in (*positions, *treaty, *outreach, *outcomes)),
        "shows_all": shows_all,
        "start": start,
        "days": BEFORE.days,
        "may_record": access.may(current_user, Can.RECORD_POSITIONS),
    }


def _read(target: Target) -> list[_Row]:
    """All that happened, the earliest first; of each kind the newest `MOST` and one more."""
    no_day, no_number, no_text = cast(null(), Date), cast(null(), Integer), cast(null(), String)
    mine = target.id
    recent = (
        select(
            ActionTarget.id, ActionTarget.action_id, ActionTarget.channel,
            ActionTarget.happened_on, ActionTarget.pieces,
        )
        .where(ActionTarget.target_id == mine)
        .order_by(ActionTarget.happened_on.desc(), ActionTarget.action_id.desc())
        .limit(NEWEST)
        .subquery()
    )  # fmt: skip
    parts: list[Any] = [
        select(
            literal("position").label("what"), Position.seen_on.label("day"),
            no_day.label("until"), Position.support.label("number"), Position.id.label("record"),
            Position.ask_id.label("other"), Position.confidence.label("word"),
            Ask.text.label("text"),
        )
        .join(Ask, Ask.id == Position.ask_id)
        .where(Position.target_id == mine, Position.withdrawn_at.is_(None))
        .order_by(Position.seen_on.desc(), Position.id.desc()),
        select(
            literal("outreach"), recent.c.happened_on, no_day,
            cast(func.sum(recent.c.pieces), Integer), cast(func.count(), Integer), no_number,
            recent.c.channel, no_text,
        )
        .group_by(recent.c.channel, recent.c.happened_on)
        .order_by(recent.c.happened_on.desc()),
        select(
            literal("outcome"), Outcome.received_on, no_day, no_number, Outcome.id,
            recent.c.action_id, Outcome.kind, no_text,
        )
        .join(recent, recent.c.id == Outcome.action_target_id)
        .order_by(Outcome.received_on.desc(), Outcome.id.desc()),
        select(
            literal("term"), Term.starts_on, Term.ends_on, cast(Term.is_current, Integer), Term.id,
            no_number, Term.party, Post.label,
        )
        .join(Post, Post.id == Term.post_id)
        .where(Term.target_id == mine, Term.starts_on.is_not(None))
        .order_by(Term.starts_on.desc(), Term.id.desc()),
    ]  # fmt: skip
    if target.kind == "government":
        parts.append(
            treaties.effective()
            .with_only_columns(
                literal("treaty"), TreatyEvent.happened_on, TreatyEvent.until,
                cast(TreatyEvent.day_known, Integer), TreatyEvent.id, no_number,
                TreatyEvent.kind, TreatyEvent.treaty,
            )
            .where(TreatyEvent.target_id == mine)
            .order_by(TreatyEvent.happened_on.desc(), TreatyEvent.id.desc())
        )  # fmt: skip
    # Named alike: two columns that hold nothing would else be taken for one, of one type.
    newest = [select(_named(part).limit(MOST + 1).subquery()) for part in parts]
    found = [_Row._make(row) for row in db.session.execute(union_all(*newest))]
    return sorted(found, key=lambda row: (row.day, row.record or 0))


def _named(part: Any) -> Any:
    columns = zip(part.selected_columns, _Row._fields, strict=True)
    return part.with_only_columns(*(column.label(name) for column, name in columns))


# In words


def _whole_since(outreach: Sequence[_Row]) -> date:
    """The first day from which all outreach was read."""
    if len(outreach) <= MOST and sum(row.record or 0 for row in outreach) < NEWEST:
        return date.min
    return min(row.day for row in outreach) + timedelta(days=1)


def _moved(row: _Row, outreach: Sequence[_Row], target_id: int, whole_since: date) -> Change:
    return Change(
        on=row.day,
        what=str(SUPPORTS[row.number or 0]),
        about=row.text or "",
        url=url_for("campaigns.positions", target_id=target_id) + f"#position-{row.record}",
        preceded_by=_preceded_by(row.day, outreach, whole_since),
        support=row.number,
        note=str(CONFIDENCES[row.word or "low"]),
    )


def _stepped(row: _Row, outreach: Sequence[_Row], whole_since: date) -> Change:
    known = _("by this day; the day is not known") if row.number == 0 else ""
    until = _("until %(day)s", day=_day(row.until)) if row.until else ""
    return Change(
        on=row.day,
        what=_kind(row),
        about=_treaty(row),
        url=None,
        preceded_by=_preceded_by(row.day, outreach, whole_since),
        note=known or until,
    )


def _preceded_by(on: date, outreach: Sequence[_Row], whole_since: date) -> str | None:
    if on - date.min > BEFORE and on - BEFORE < whole_since:
        return None
    return preceded_by(on, outreach)


def preceded_by(on: date, outreach: Iterable[_Row]) -> str:
    """`3 letters and 1 meeting`: what reached the target in the 90 days before; empty for none.

    The day itself is not before it.
    """
    sums: dict[str, int] = {}
    for row in outreach:
        if on - BEFORE <= row.day < on and row.word:
            sums[row.word] = sums.get(row.word, 0) + (row.number or 0)
    return Tally(sums, 0).told if sums else ""


def _kind(row: _Row) -> str:
    return str(KIND_LABELS.get(row.word or "", row.word))


def _stand(row: _Row) -> str:
    return f"{_day(row.day)}: {SUPPORTS[row.number or 0]}, {CONFIDENCES[row.word or 'low']}"


def _treaty(row: _Row) -> str:
    treaty = INSTRUMENTS.get(row.text or "")
    return str(treaty.short) if treaty else row.text or ""


def _day(value: date | None) -> str:
    return str(format_date(value, "medium")) if value else ""


# As a picture


def _picture(target_id: int, by_kind: dict[str, list[_Row]], start: date) -> Markup:
    end = today()
    above = [
        *_of_positions(by_kind.get("position", []), target_id, start),
        *_of_treaties(by_kind.get("treaty", []), start),
        *_of_terms(by_kind.get("term", []), start, end),
    ]
    below = [
        *_of_outreach([row for row in by_kind.get("outreach", []) if row.day >= start],
                      target_id, start, end),
        *_of_outcomes([row for row in by_kind.get("outcome", []) if row.day >= start]),
    ]  # fmt: skip
    return draw(above, below, start, end)


def _of_positions(rows: Sequence[_Row], target_id: int, start: date) -> list[Lane]:
    by_ask: dict[int | None, list[_Row]] = {}
    for row in rows:
        by_ask.setdefault(row.other, []).append(row)
    # Those that moved last have a lane.
    latest = sorted(by_ask.values(), key=lambda of: of[-1].day, reverse=True)[:ASKS]
    lanes = []
    for of_ask in latest:
        # The one that holds as the picture begins, and all after it.
        held = [row for row in of_ask if row.day < start][-1:]
        marks = [
            Mark(
                on=max(row.day, start),
                label=_stand(row),
                name=f"stand-{str(row.number).replace('-', 'm')}",
                url=url_for("campaigns.positions", target_id=target_id) + f"#position-{row.record}",
                level=2 - (row.number or 0),
                is_hollow=row.word == "low",
            )
            for row in [*held, *(row for row in of_ask if row.day >= start)]
        ]
        lanes.append(Lane(_short(of_ask[0].text or ""), marks, levels=5))
    return lanes


def _of_treaties(rows: Sequence[_Row], start: date) -> list[Lane]:
    lanes = []
    for key, treaty in INSTRUMENTS.items():
        ours = [row for row in rows if row.text == key]
        if not ours:
            continue
        marks = [
            Mark(row.day, f"{_day(row.day)}: {_kind(row)}", "step", is_diamond=True)
            for row in ours
            if row.day >= start
        ]
        lanes.append(Lane(str(treaty.short), marks, bands=list(_bands(ours, start))))
    return lanes


def _bands(rows: Sequence[_Row], start: date) -> Iterable[Mark]:
    """From signing to joining, and from joining to a withdrawal that took effect or to today."""
    signed = next((row.day for row in rows if row.word == "signature"), None)
    joined = next((row.day for row in rows if row.word in CONSENTS), None)
    left = next((row.day for row in rows if row.word == "withdrawal_effective"), None)
    last = min(left or today(), today())
    if signed is not None and (joined is None or signed < joined):
        until = joined or last
        if until > start:
            yield Mark(max(signed, start), _("signed"), "band-signed", until=until)
    if joined is not None and last > max(joined, start):
        yield Mark(max(joined, start), _("joined"), "band-joined", until=last)


def _of_terms(rows: Sequence[_Row], start: date, end: date) -> list[Lane]:
    bands = [
        Mark(
            on=max(row.day, start),
            label=f"{row.text}{f', {row.word}' if row.word else ''}",
            name=f"band-term-{place % 2}",
            until=end if row.number or row.until is None else min(row.until, end),
        )
        for place, row in enumerate(rows)
        if row.day <= end and (row.number or row.until is None or row.until > start)
    ]
    return [Lane(_("Office"), (), bands=bands)] if bands else []


def _of_outreach(rows: Sequence[_Row], target_id: int, start: date, end: date) -> list[Lane]:
    lanes = []
    for name, channel in channels().items():
        days = [(row.day, row.number or 0) for row in rows if row.word == name]
        if not days:
            continue
        bins = binned(days, start, end)
        most = max(number for _first, _last, number in bins)
        # Made once a lane: the addresses differ in their days alone.
        address = url_for("outreach.index", target=target_id, channel=name)
        marks = [
            Mark(
                on=first,
                label=f"{channel.count(number)}, {_period(first, last)}",
                name="done",
                url=f"{address}&since={first}&until={last}",
                size=3 + 6 * (number / most) ** 0.5,
            )
            for first, last, number in bins
        ]  # fmt: skip
        lanes.append(Lane(str(channel.label), marks))
    return lanes


def _of_outcomes(rows: Sequence[_Row]) -> list[Lane]:
    kinds = outcome_kinds()
    rows = rows[-ANSWERS:]
    marks = [
        Mark(
            on=row.day,
            label=f"{_day(row.day)}: {kinds[row.word].label}",
            name=f"tone-{kinds[row.word].tone}",
            url=url_for("outreach.page", action_id=row.other),
        )
        for row in rows
        if row.word in kinds
    ]
    return [Lane(_("What came back"), marks)] if marks else []


def _period(first: date, last: date) -> str:
    return _day(first) if first == last else f"{_day(first)} – {_day(last)}"


def _short(text: str, most: int = 48) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
