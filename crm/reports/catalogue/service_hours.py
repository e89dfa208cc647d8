"""Hours of service, signed and not, by member or chapter: the sums of the chapters' own pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select

from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.tables import Column, Kind, Row
from crm.members.disclosure import Shown, disclose
from crm.members.models import Chapter
from crm.members.queries import in_scope
from crm.members.rules import school_year
from crm.outreach.own import said
from crm.outreach.rules import EARLIEST, Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.rules import Reckoning
from crm.tasks import hours_everywhere
from crm.tasks.hours import Span
from crm.tasks.hours_sums import Whole

USES = frozenset({"chapter", "since", "until"})


def _chapters(asked: Question) -> list[int] | None:
    """The chapters whose members the viewer sees, of those asked for; None: all there are."""
    if asked.viewer.sees.everywhere and asked.wanted.chapter_ids is None:
        return None
    wanted = select(Chapter.id).where(in_scope(Chapter.id, asked.viewer.sees))
    if asked.wanted.chapter_ids is not None:
        wanted = wanted.where(Chapter.id.in_(asked.wanted.chapter_ids))
    return list(db.session.scalars(wanted.order_by(Chapter.id)))


def _days(asked: Question) -> Span:
    until = asked.wanted.until or asked.on
    return Span(asked.wanted.since or EARLIEST, min(until, asked.on))


def _hours(minutes: int) -> float:
    return round(minutes / 60, 2)


def _cells(minutes: int, signed: int) -> Row:
    return _hours(minutes), _hours(signed), _hours(minutes - signed), minutes


def rows_by_member(asked: Question) -> Iterator[Row]:
    """One row a member, then one of those that are not seen, then of those nobody is named."""
    hours = hours_everywhere.hours(_chapters(asked), _days(asked), asked.viewer.sees)
    found, whole = hours.members, hours.whole
    shown = _shown([row[0] for row in found], asked)
    for member_id, minutes, signed in sorted(
        found, key=lambda row: (-row[1], shown[row[0]].name, row[0])
    ):
        who = shown[member_id]
        yield who.name, who.chapters, *_cells(minutes, signed), member_id
    if whole.others:
        others = whole.others
        # Who was forgotten is seen by nobody, whoever looks.
        label = (
            _("Former members")
            if asked.viewer.sees.everywhere
            else _("Members of other chapters and former ones")
        )
        yield label, "", _hours(others), None, None, others, None
    if whole.unnamed:
        yield _("Nobody named"), "", _hours(whole.unnamed), None, None, whole.unnamed, None


def _shown(member_ids: Sequence[int], asked: Question) -> dict[int, Shown]:
    shown: dict[int, Shown] = {}
    for some in db.batches(member_ids):
        shown |= disclose(some, to=asked.viewer, exit=asked.exit)
    return shown


def named(asked: Question) -> Iterator[int]:
    """The members whose row says who they are."""
    hours = hours_everywhere.hours(_chapters(asked), _days(asked), asked.viewer.sees)
    shown = _shown([row[0] for row in hours.members], asked)
    return (each.member_id for each in shown.values() if each.is_named)


def rows_by_chapter(asked: Question) -> Iterator[Row]:
    """One row a chapter: joint work counts in each."""
    sums = hours_everywhere.by_chapter(_chapters(asked), _days(asked))
    found = db.session.execute(
        select(Chapter.id, Chapter.name, Chapter.slug).where(Chapter.id.in_(list(sums)))
    )
    for row in sorted(found, key=lambda row: (-sums[row.id].minutes, row.name, row.id)):
        yield row.name, *_cells(sums[row.id].minutes, sums[row.id].signed), row.slug


def _told(asked: Question, whole: Whole) -> list[str]:
    return [
        _(
            "%(all)s in all: %(actions)s of outreach and %(tasks)s of tasks that logged none.",
            all=said(whole.all), actions=said(whole.actions), tasks=said(whole.tasks),
        ),
        _(
            "Of %(named)s of members by name %(signed)s are signed for; nobody is named for "
            "%(unnamed)s.",
            named=said(whole.seen), signed=said(whole.signed), unnamed=said(whole.unnamed),
        ),
    ]  # fmt: skip


def reckon_members(asked: Question, rows_total: int) -> Reckoning:
    """Members, others and those nobody named add up to all that was spent."""
    whole = hours_everywhere.whole(_chapters(asked), _days(asked), asked.viewer.sees)
    return Reckoning(Reconciliation(rows_total, 0, 0, whole.all), _told(asked, whole))


def reckon_chapters(asked: Question, rows_total: int) -> Reckoning:
    """What several chapters did together counts in each of them."""
    chapters, days = _chapters(asked), _days(asked)
    whole = hours_everywhere.whole(chapters, days, asked.viewer.sees)
    shared = hours_everywhere.repeated_by_chapters(chapters, days)
    told = _told(asked, whole)
    if shared:
        told.append(
            _(
                "%(shared)s of the lines repeat what chapters did together.",
                shared=said(shared),
            )
        )
    return Reckoning(Reconciliation(rows_total, shared, 0, whole.all), told)


def limits(asked: Question) -> list[str]:
    """That hours are told of the viewer's chapters alone."""
    if asked.viewer.sees.everywhere:
        return []
    many = len(_chapters(asked) or ())
    if not many:
        return [_("You see the hours of no chapter.")]
    return [
        ngettext(
            "These are the hours of the one chapter whose members you see.",
            "These are the hours of the %(num)s chapters whose members you see.",
            many,
        )
    ]


CHART_TITLE = _l("Hours")


def _chart(shown: Sequence[Row], at: int) -> Chart:
    # Whoever is not named is no bar to compare with.
    most = sorted((row for row in shown if row[-1]), key=lambda row: -row[at + 3])[:10]
    return bars(CHART_TITLE, [Bar(row[0], row[at]) for row in most])


def chart_of_members(shown: Sequence[Row]) -> Chart:
    """Those with most hours."""
    return _chart(shown, 2)


def chart_of_chapters(shown: Sequence[Row]) -> Chart:
    """The chapters with most hours."""
    return _chart(shown, 1)


def _year(given: Mapping[str, str]) -> dict[str, str]:
    """The school year of a page of hours: of the period's end; without one the present."""
    day = given.get("until") or given.get("since")
    return {"year": str(school_year(date.fromisoformat(day)))} if day else {}


def _of_member(
    column: str, row: Row | None, given: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    if row is None or row[-1] is None:
        return None
    return "tasks.member_hours", {"member_id": row[-1], **_year(given)}


def _of_chapter(
    column: str, row: Row | None, given: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    if row is None:
        return None
    return "tasks.chapter_hours", {"slug": row[-1], **_year(given)}


_COUNTED = (
    Column("hours", _l("Hours"), Kind.NUMBER, 10),
    Column("signed", _l("Signed hours"), Kind.NUMBER, 12),
    Column("unsigned", _l("Unsigned hours"), Kind.NUMBER, 12),
    Column("minutes", _l("Minutes"), Kind.NUMBER, 10),
)

BY_MEMBER = Report(
    name="service-hours",
    about=_l("Member"),
    order=78,
    icon="clock-history",
    title=_l("Service hours"),
    description=_l(
        "What members spent on outreach and on tasks, and how much of it somebody signed for. A "
        "download gives numbers in place of names."
    ),
    columns=(
        Column("member", _l("Member"), width=28),
        Column("chapters", _l("Chapters"), width=36),
        *_COUNTED,
    ),
    rows=rows_by_member,
    nothing=_l("No hours are known that you may see"),
    reckon=reckon_members,
    counts="minutes",
    unsummed=frozenset({"hours", "signed", "unsigned"}),
    limits=limits,
    chart=chart_of_members,
    chart_title=CHART_TITLE,
    record=lambda row: ("members.page", {"member_id": row[-1]}) if row[-1] else None,
    leads=_of_member,
    uses=USES,
    shows_people=True,
    named=named,
    compares=("hours", "signed"),
)

BY_CHAPTER = replace(
    BY_MEMBER,
    about=_l("Chapter"),
    title=_l("Service hours by chapter"),
    description=_l(
        "What each chapter's members spent, named or not, and how much of it somebody signed for. "
        "Joint work counts in each chapter."
    ),
    columns=(Column("chapter", _l("Chapter"), width=36), *_COUNTED),
    rows=rows_by_chapter,
    reckon=reckon_chapters,
    chart=chart_of_chapters,
    record=None,
    leads=_of_chapter,
    shows_people=False,
    named=None,
)

REPORT = replace(BY_MEMBER, ways={"member": BY_MEMBER, "chapter": BY_CHAPTER})
