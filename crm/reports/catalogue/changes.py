"""What moved: positions that changed and steps of the treaties, with the outreach before each.

What went before is told, and never that it was the cause.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from crm.campaigns.models import Ask, Campaign, Position
from crm.campaigns.rules import SUPPORTS
from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.outreach.models import ActionTarget
from crm.outreach.rules import Reconciliation
from crm.outreach.whom import targets_meant
from crm.reports.catalogue import Question, Report
from crm.reports.queries import number_of
from crm.reports.rules import Reckoning, channel_label
from crm.targets.models import Target
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.queries import effective
from crm.treaties.rules import KIND_LABELS

#: How long before a change outreach is told with it.
BEFORE = timedelta(days=365)


@dataclass(frozen=True)
class _Preceding:
    """The outreach to a target in the year before a day."""

    #: Pieces and acts that reached it.
    pieces: int
    last: date | None
    channel: str

    @property
    def told(self) -> str:
        """The channel of the last contact, in words."""
        return channel_label(self.channel) if self.channel else ""


def _preceding(changes: Sequence[tuple[int, date]]) -> list[_Preceding]:
    """For each (target, day) the outreach of the year before, the day itself included."""
    by_target: dict[int, list[tuple[date, int, int, str]]] = defaultdict(list)
    if changes:
        first = min(day for _target, day in changes) - BEFORE
        last = max(day for _target, day in changes)
        for some in db.batches(sorted({target for target, _day in changes})):
            rows = db.session.execute(
                select(
                    ActionTarget.target_id,
                    ActionTarget.happened_on,
                    ActionTarget.channel,
                    func.sum(ActionTarget.pieces),
                    func.max(ActionTarget.action_id),
                )
                .where(
                    ActionTarget.target_id.in_(some),
                    ActionTarget.happened_on.between(first, last),
                )
                .group_by(ActionTarget.target_id, ActionTarget.happened_on, ActionTarget.channel)
            )
            for target_id, day, channel, pieces, action_id in rows:
                by_target[target_id].append((day, action_id, int(pieces), channel))
    found = []
    for target_id, day in changes:
        before = [each for each in by_target[target_id] if day - BEFORE <= each[0] <= day]
        latest = max(before, default=None)
        found.append(
            _Preceding(
                sum(each[2] for each in before),
                latest[0] if latest else None,
                latest[3] if latest else "",
            )
        )
    return found


# Positions


def _entries(asked: Question) -> Any:
    """All entries that hold, each with what the one before it on the same ask said."""
    wanted, target = asked.wanted, aliased(Target)
    previous = func.lag(Position.support).over(
        partition_by=(Position.target_id, Position.ask_id),
        order_by=(Position.seen_on, Position.id),
    )
    conditions = [Position.withdrawn_at.is_(None), Position.seen_on <= asked.on]
    meant = targets_meant(wanted)
    if len(meant) > 1:
        conditions.append(Position.target_id.in_(select(Target.id).where(*meant).correlate(None)))
    if wanted.campaign_id is not None:
        conditions.append(Ask.campaign_id == wanted.campaign_id)
    if wanted.ask_id is not None:
        conditions.append(Position.ask_id == wanted.ask_id)
    return (
        select(
            Position.id,
            Position.target_id,
            target.name.label("target"),
            Ask.text.label("ask"),
            Campaign.name.label("campaign"),
            Position.seen_on,
            Position.support,
            previous.label("before"),
        )
        .join(target, target.id == Position.target_id)
        .join(Ask, Ask.id == Position.ask_id)
        .join(Campaign, Campaign.id == Ask.campaign_id)
        .where(*conditions)
        .subquery()
    )


def _in_period(asked: Question, day: Any) -> list[Any]:
    since, until = asked.wanted.since, asked.wanted.until
    return [*([day >= since] if since else []), *([day <= until] if until else [])]


def rows_of_positions(asked: Question) -> Iterator[Row]:
    """One row a change of position, the latest first."""
    entries = _entries(asked)
    moved = db.session.execute(
        select(entries)
        .where(entries.c.before != entries.c.support, *_in_period(asked, entries.c.seen_on))
        .order_by(entries.c.seen_on.desc(), entries.c.id.desc())
    ).all()
    before = _preceding([(row.target_id, row.seen_on) for row in moved])
    for row, went in zip(moved, before, strict=True):
        yield (
            row.seen_on, row.target, row.ask, row.campaign, str(SUPPORTS[row.before]),
            str(SUPPORTS[row.support]), row.support - row.before, went.pieces, went.last,
            went.told, 1, (row.id, row.target_id, row.seen_on),
        )  # fmt: skip


def reckon_positions(asked: Question, rows_total: int) -> Reckoning:
    """Entries that only said the same again, or were the first, are no change."""
    entries = _entries(asked)
    within = _in_period(asked, entries.c.seen_on)
    every = number_of(select(func.count()).select_from(entries).where(*within))
    first = number_of(
        select(func.count()).select_from(entries).where(entries.c.before.is_(None), *within)
    )
    same = number_of(
        select(func.count())
        .select_from(entries)
        .where(entries.c.before == entries.c.support, *within)
    )
    total = every - first - same
    said = [
        _(
            "%(every)s of the period: %(first)s said for the first time where somebody stands, "
            "%(same)s said the same again, %(changes)s changed it.",
            every=ngettext("%(many)s entry", "%(many)s entries", every, many=number(every)),
            first=number(first), same=number(same), changes=number(total),
        ),
        _told_before(),
    ]  # fmt: skip
    return Reckoning(Reconciliation(rows_total, 0, 0, total), said)


def _told_before() -> str:
    return _(
        "Each is told with the outreach that reached the same target in the twelve months before: "
        "what went before need not be the cause."
    )


POSITIONS_TITLE = _l("Towards us and away")


def chart_of_positions(shown: Sequence[Row]) -> Chart:
    """How many moved which way."""
    towards = sum(1 for row in shown if row[6] > 0)
    return bars(
        POSITIONS_TITLE,
        [Bar(_("Towards us"), towards), Bar(_("Away from us"), len(shown) - towards)],
    )


def _leads(
    column: str, row: Row | None, _given: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    """To the outreach of the year before, or to the target where it is told."""
    if row is None:
        return None
    _id, target_id, day = row[-1]
    if column in ("pieces", "last"):
        since = (day - BEFORE).isoformat()
        return "outreach.index", {"target": target_id, "since": since, "until": day.isoformat()}
    return "targets.page", {"target_id": target_id}


_PRECEDED = (
    Column("pieces", _l("Preceded by"), Kind.NUMBER, 12),
    Column("last", _l("Last contact before"), Kind.DATE, 14),
    Column("by", _l("By"), width=14),
    Column("many", _l("Changes"), Kind.NUMBER, 10),
)

BY_POSITION = Report(
    name="changes",
    about=_l("Position"),
    order=76,
    icon="arrow-left-right",
    title=_l("Changes of position"),
    description=_l(
        "Where targets stand otherwise than before, in the period they were seen to, and the "
        "pieces and acts that reached them in the twelve months before."
    ),
    columns=(
        Column("day", _l("Seen on"), Kind.DATE, 12),
        Column("target", _l("Target"), width=28),
        Column("ask", _l("Ask"), width=36),
        Column("campaign", _l("Campaign"), width=28),
        Column("before", _l("From"), width=18),
        Column("after", _l("To"), width=18),
        Column("moved", _l("Steps"), Kind.NUMBER, 8),
        *_PRECEDED,
    ),
    rows=rows_of_positions,
    nothing=_l("Nothing has changed that this asks for"),
    reckon=reckon_positions,
    counts="many",
    unsummed=frozenset({"moved", "pieces"}),
    plain=frozenset({"many"}),
    beneath={"campaign": "ask", "by": "last"},
    chart=chart_of_positions,
    chart_title=POSITIONS_TITLE,
    record=lambda row: ("targets.page", {"target_id": row[-1][1]}),
    leads=_leads,
    uses=frozenset(
        {
            "campaign", "ask", "since", "until", "kind", "area", "region", "party", "committee",
            "list", "target",
        }
    ),
    compares=("many",),
    key=lambda row: row[-1][0],
)  # fmt: skip


# Treaties


def _steps(asked: Question) -> Any:
    """The steps that hold, as a subquery beside the target's name."""
    events, target = effective().subquery(), aliased(Target)
    conditions = [
        events.c.happened_on <= asked.on, *_in_period(asked, events.c.happened_on)
    ]  # fmt: skip
    meant = targets_meant(asked.wanted)
    if len(meant) > 1:
        conditions.append(events.c.target_id.in_(select(Target.id).where(*meant).correlate(None)))
    return (
        select(
            events.c.id, events.c.treaty, events.c.kind, events.c.happened_on,
            events.c.target_id, events.c.source, target.name.label("target"),
        )
        .join(target, target.id == events.c.target_id)
        .where(*conditions)
    )  # fmt: skip


def rows_of_steps(asked: Question) -> Iterator[Row]:
    """One row a step of a state, the latest first."""
    steps = _steps(asked).subquery()
    found = db.session.execute(
        select(steps).order_by(steps.c.happened_on.desc(), steps.c.target, steps.c.id)
    ).all()
    before = _preceding([(row.target_id, row.happened_on) for row in found])
    for row, went in zip(found, before, strict=True):
        treaty = INSTRUMENTS.get(row.treaty)
        yield (
            row.happened_on, row.target, str(treaty.short) if treaty else row.treaty,
            str(KIND_LABELS.get(row.kind, row.kind)), row.source, went.pieces, went.last,
            went.told, 1, (row.id, row.target_id, row.happened_on),
        )  # fmt: skip


def reckon_steps(asked: Question, rows_total: int) -> Reckoning:
    """Every step that holds is one line."""
    total = number_of(select(func.count()).select_from(_steps(asked).subquery()))
    told = ngettext(
        "%(many)s step is in the ledger for this period.",
        "%(many)s steps are in the ledger for this period.",
        total,
        many=number(total),
    )
    return Reckoning(Reconciliation(rows_total, 0, 0, total), [told, _told_before()])


STEPS_TITLE = _l("Steps by kind")


def chart_of_steps(shown: Sequence[Row]) -> Chart:
    """How many steps of each kind."""
    sums: dict[str, int] = {}
    for row in shown:
        sums[row[3]] = sums.get(row[3], 0) + 1
    most = sorted(sums.items(), key=lambda pair: -pair[1])[:10]
    return bars(STEPS_TITLE, [Bar(label, many) for label, many in most])


BY_TREATY = replace(
    BY_POSITION,
    about=_l("Step of a treaty"),
    title=_l("Steps of the treaties"),
    description=_l(
        "What states did in the period, by the ledger, and the pieces and acts that reached them "
        "in the twelve months before."
    ),
    columns=(
        Column("day", _l("Day"), Kind.DATE, 12),
        Column("state", _l("State"), width=28),
        Column("treaty", _l("Treaty"), width=18),
        Column("step", _l("Step"), width=28),
        Column("source", _l("Source"), width=36),
        *_PRECEDED,
    ),
    rows=rows_of_steps,
    reckon=reckon_steps,
    unsummed=frozenset({"pieces"}),
    beneath={"source": "step", "by": "last"},
    chart=chart_of_steps,
    chart_title=STEPS_TITLE,
    uses=frozenset({"since", "until", "region", "list", "target"}),
)

REPORT = replace(BY_POSITION, ways={"position": BY_POSITION, "treaty": BY_TREATY})
