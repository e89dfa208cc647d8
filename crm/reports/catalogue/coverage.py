"""Who has not been contacted, and for how long; how many of each state; who acted where.

Its rows are targets, reached or not: the filter says which targets are looked at, and which
outreach counts as contact.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any

from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.members.models import Chapter
from crm.outreach.filters import NONE
from crm.outreach.queries import ActionFilter
from crm.outreach.rules import Reconciliation
from crm.outreach.whom import targets_meant, without_targets
from crm.reports.by_month import CHAPTERS_OF_TARGETS, CONTACTS, day_of
from crm.reports.catalogue import Question, Report
from crm.reports.rules import Reckoning, channel_label
from crm.targets.models import Post, Target, Term
from crm.targets.rules import area_name

USES = frozenset(
    {
        "campaign", "channel", "chapter", "since", "until", "ask", "team", "kind", "area",
        "region", "party", "committee", "list", "target",
    }
)  # fmt: skip
#: Chapters that are named in a line.
_NAMED = 6


def _meant(asked: Question) -> list[ColumnElement[bool]]:
    return targets_meant(asked.wanted, on_campaigns=True)


def _contacts(asked: Question) -> ActionFilter:
    """What counts as contact, until the day that is asked for."""
    wanted = without_targets(asked.wanted)
    until = min(wanted.until, asked.on) if wanted.until else asked.on
    return wanted.with_(until=until)


@dataclass(frozen=True)
class _Target:
    """A target that is looked at, with its contacts."""

    id: int
    name: str
    sort_name: str
    office: str | None
    area: str | None
    region: str | None
    country: str | None
    #: Times it was reached, the last day, and the channel of that day.
    actions: int
    last: date | None
    channel: str | None


def _targets(asked: Question) -> list[_Target]:
    """All that are looked at: one statement."""
    contacts = CONTACTS(_contacts(asked))
    term, post = aliased(Term), aliased(Post)
    rows = db.session.execute(
        select(
            Target.id, Target.name, Target.sort_name, post.label, post.area, Target.region,
            Target.country,
        )
        .outerjoin(term, and_(term.target_id == Target.id, term.is_current))
        .outerjoin(post, post.id == term.post_id)
        .where(*_meant(asked))
    )  # fmt: skip
    # A target has one present office; should a database hold two, it is still one target.
    found: dict[int, _Target] = {}
    for row in rows:
        actions, last = contacts.get((row.id,), (0, None))
        day, _action, channel = last.split(" ", 2) if last else (None, None, None)
        found[row.id] = _Target(*row, actions, day_of(day), channel)
    return list(found.values())


def rows(asked: Question) -> Iterator[Row]:
    """One row a target: those never contacted first, then those contacted longest ago."""
    label = cache(channel_label)
    for each in sorted(
        _targets(asked), key=lambda each: (each.last or date.min, each.sort_name, each.id)
    ):
        yield (
            each.name,
            each.office or "",
            each.area or each.region or "",
            each.last,
            (asked.on - each.last).days if each.last else None,
            label(each.channel) if each.channel else "",
            each.actions,
            1,
            each.id,
        )


def rows_of_never(asked: Question) -> Iterator[Row]:
    """Those never contacted alone."""
    for each in sorted(_targets(asked), key=lambda each: (each.sort_name, each.id)):
        if not each.actions:
            yield each.name, each.office or "", each.area or each.region or "", 1, each.id


@dataclass
class _Group:
    targets: int = 0
    reached: int = 0
    actions: int = 0
    last: date | None = None
    ids: list[int] = field(default_factory=list)
    chapters: set[int] = field(default_factory=set)

    def add(self, each: _Target) -> None:
        self.targets += 1
        self.reached += each.actions > 0
        self.actions += each.actions
        self.ids.append(each.id)
        if each.last is not None:
            self.last = max(each.last, self.last or each.last)

    @property
    def cells(self) -> Row:
        return self.targets, Share(self.reached, self.targets), self.targets - self.reached


def rows_by_area(asked: Question) -> Iterator[Row]:
    """One row a state of legislators, then a region of governments, then all others."""
    groups: dict[tuple[str, str], _Group] = defaultdict(_Group)
    for each in _targets(asked):
        groups[(each.area or "", "" if each.area else each.region or "")].add(each)
    named = {
        key: area_name(key[0]) if key[0] else key[1] or _("Neither state nor region")
        for key in groups
    }
    for key in sorted(groups, key=lambda key: (not key[0], not key[1], named[key])):
        group = groups[key]
        yield named[key], *group.cells, group.last, (key[0] or NONE, key[1] or None)


def rows_by_country(asked: Question) -> Iterator[Row]:
    """One row a country, those most chapters acted towards first: who acted in which country."""
    groups: dict[str, _Group] = defaultdict(_Group)
    of_target: dict[int, str] = {}
    for each in _targets(asked):
        groups[each.country or ""].add(each)
        of_target[each.id] = each.country or ""
    names: dict[int, str] = {}
    asked_for = asked.wanted.chapter_ids
    for target_id, chapter_id in CHAPTERS_OF_TARGETS(_contacts(asked)):
        if target_id in of_target and (not asked_for or chapter_id in asked_for):
            groups[of_target[target_id]].chapters.add(chapter_id)
    acted = {each for group in groups.values() for each in group.chapters}
    for some in db.batches(sorted(acted)):
        named = select(Chapter.id, Chapter.name).where(Chapter.id.in_(some))
        names |= {each.id: each.name for each in db.session.execute(named)}
    labels = {code: _country(code) for code in groups}
    for code in sorted(
        groups, key=lambda code: (-len(groups[code].chapters), -groups[code].reached, labels[code])
    ):
        group = groups[code]
        told = sorted(names[each] for each in group.chapters)
        more = len(told) - _NAMED
        if more > 0:
            told = [*told[:_NAMED], ngettext("and %(num)s more", "and %(num)s more", more)]
        yield (
            labels[code], ", ".join(told), len(group.chapters), *group.cells, group.last,
            (code, group.ids[0] if len(group.ids) == 1 else None),
        )  # fmt: skip


def _country(code: str) -> str:
    if not code:
        return _("No country")
    locale = get_locale()
    return (locale.territories.get(code) if locale else None) or code


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """Every target that is looked at is one, whether or not it was reached."""
    return _reckon(asked, rows_total)


def reckon_never(asked: Question, rows_total: int) -> Reckoning:
    """Of those that are looked at, the ones that were not reached."""
    return _reckon(asked, rows_total, never=True)


def _reckon(asked: Question, rows_total: int, *, never: bool = False) -> Reckoning:
    meant = _meant(asked)
    ids = list(db.session.scalars(select(Target.id).where(*meant)))
    contacts = CONTACTS(_contacts(asked))
    total, reached = len(ids), sum((each,) in contacts for each in ids)
    said = [
        _(
            "%(targets)s: %(reached)s reached, %(never)s not. Each is counted once.",
            targets=ngettext("%(many)s target is asked for", "%(many)s targets are asked for",
                             total, many=number(total)),
            reached=number(reached), never=number(total - reached),
        )
    ]  # fmt: skip
    if asked.wanted.campaign_id is not None:
        said.append(_("Of a campaign these are the targets on its list, and its own outreach."))
    if asked.wanted.since or asked.wanted.until:
        said.append(_("Only contact within the period counts."))
    return Reckoning(Reconciliation(rows_total, 0, 0, total - reached if never else total), said)


CHART_TITLE = _l("How long ago the last contact was")


def chart(shown: Sequence[Row]) -> Chart:
    """How many targets were contacted how long ago."""
    steps = [(30, _("Within 30 days")), (90, _("31 to 90 days ago")),
             (180, _("91 to 180 days ago")), (365, _("181 to 365 days ago"))]  # fmt: skip
    sums = dict.fromkeys((label for _most, label in steps), 0)
    longer, never = _("Longer ago"), _("Never")
    sums |= {longer: 0, never: 0}
    for row in shown:
        days = row[4]
        if days is None:
            sums[never] += 1
        else:
            sums[next((label for most, label in steps if days <= most), longer)] += 1
    return bars(CHART_TITLE, [Bar(label, many) for label, many in sums.items()])


SHARES_TITLE = _l("Share of the targets reached")


def chart_of_shares(shown: Sequence[Row]) -> Chart:
    """The states and regions of which fewest were reached, of those with most targets."""
    most = sorted(shown, key=lambda row: -row[1])[:12]
    return bars(
        SHARES_TITLE,
        [Bar(row[0], row[2].ratio, str(row[2])) for row in most],
        most=1.0,
    )


COUNTRIES_TITLE = _l("Chapters that acted, by country")


def chart_of_countries(shown: Sequence[Row]) -> Chart:
    """The countries towards which most chapters acted."""
    most = [row for row in shown if row[2]][:12]
    return bars(COUNTRIES_TITLE, [Bar(row[0], row[2]) for row in most])


def _kept(given: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in USES}


def _of_areas(
    column: str, row: Row | None, given: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    """To the same report, target by target."""
    if column == "last":
        return None
    by = "never" if column == "never" else "target"
    values = {**_kept(given), "name": "coverage", "by": by}
    if row is not None:
        area, region = row[-1]
        values["area"] = area
        if area == NONE:
            values["region"] = region or NONE
    return "reports.page", values


def _of_countries(
    column: str, row: Row | None, given: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    """To the one target of a country, or its targets one by one."""
    if column in ("last", "who"):
        return None
    by = "never" if column == "never" else "target"
    values = {**_kept(given), "name": "coverage", "by": by}
    if row is not None:
        code, only = row[-1]
        if only is None:
            return ("targets.index", {"country": code}) if code else None
        if column in ("chapters", "reached"):
            return "outreach.index", {**_kept(given), "target": only}
        values["target"] = only
    return "reports.page", values


def _of_targets(
    column: str, row: Row | None, given: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    """To the outreach that reached a target, or to the target where none did."""
    if row is None:
        if column == "actions":
            return "outreach.index", _kept(given)
        return None
    if row[6]:
        return "outreach.index", {**_kept(given), "target": row[-1]}
    return "targets.page", {"target_id": row[-1]}


BY_TARGET = Report(
    name="coverage",
    about=_l("Target"),
    order=74,
    icon="binoculars",
    title=_l("Coverage"),
    description=_l(
        "Who has not been contacted, and for how long. The filters of targets say whom to look "
        "at; campaign, channel, chapter and period say what counts as contact."
    ),
    columns=(
        Column("target", _l("Target"), width=32),
        Column("office", _l("Office"), width=36),
        Column("area", _l("State or region"), width=16),
        Column("last", _l("Last contact"), Kind.DATE, 12),
        Column("days", _l("Days since"), Kind.NUMBER, 10),
        Column("channel", _l("By"), width=16),
        Column("actions", _l("Times reached"), Kind.NUMBER, 10),
        Column("many", _l("Targets"), Kind.NUMBER, 10),
    ),
    rows=rows,
    reckon=reckon,
    counts="many",
    unsummed=frozenset({"days", "actions"}),
    beneath={"office": "target"},
    plain=frozenset({"many"}),
    chart=chart,
    chart_title=CHART_TITLE,
    record=lambda row: ("targets.page", {"target_id": row[-1]}),
    leads=_of_targets,
    uses=USES,
    nothing=_l("No target is asked for"),
    compares=("last",),
)

NEVER = replace(
    BY_TARGET,
    about=_l("Target never contacted"),
    title=_l("Targets never contacted"),
    description=_l("Whom nobody has reached, by what the filters count as contact."),
    columns=tuple(
        each for each in BY_TARGET.columns if each.key in ("target", "office", "area", "many")
    ),
    rows=rows_of_never,
    reckon=reckon_never,
    unsummed=frozenset(),
    chart=None,
    nothing=_l("Every target that is asked for was contacted"),
    leads=lambda _column, row, _given: (
        ("targets.page", {"target_id": row[-1]}) if row is not None else None
    ),
    compares=("many",),
)

BY_AREA = replace(
    BY_TARGET,
    about=_l("State or region"),
    title=_l("Coverage by state and region"),
    description=_l("How many of the targets of each state and region were contacted."),
    columns=(
        Column("area", _l("State or region"), width=28),
        Column("many", _l("Targets"), Kind.NUMBER, 10),
        Column("reached", _l("Reached"), Kind.SHARE, 20),
        Column("never", _l("Not reached"), Kind.NUMBER, 12),
        Column("last", _l("Last contact"), Kind.DATE, 12),
    ),
    rows=rows_by_area,
    beneath={},
    plain=frozenset(),
    unsummed=frozenset(),
    chart=chart_of_shares,
    chart_title=SHARES_TITLE,
    record=None,
    leads=_of_areas,
    compares=("reached",),
)

BY_COUNTRY = replace(
    BY_AREA,
    about=_l("Country"),
    title=_l("Who acted in which country"),
    description=_l(
        "The chapters that acted towards each country's government, legislators and bodies, and "
        "how many of those were reached."
    ),
    columns=(
        Column("country", _l("Country"), width=24),
        Column("who", _l("Who acted"), width=44),
        Column("chapters", _l("Chapters"), Kind.NUMBER, 10),
        Column("many", _l("Targets"), Kind.NUMBER, 10),
        Column("reached", _l("Reached"), Kind.SHARE, 20),
        Column("never", _l("Not reached"), Kind.NUMBER, 12),
        Column("last", _l("Last contact"), Kind.DATE, 12),
    ),
    rows=rows_by_country,
    beneath={"who": "country"},
    unsummed=frozenset({"chapters"}),
    chart=chart_of_countries,
    chart_title=COUNTRIES_TITLE,
    leads=_of_countries,
)

REPORT = replace(
    BY_TARGET, ways={"target": BY_TARGET, "never": NEVER, "area": BY_AREA, "country": BY_COUNTRY}
)
