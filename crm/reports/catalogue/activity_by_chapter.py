"""What each chapter did. Joint work counts for each chapter that did it, and once in the total."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import Subquery, func, select

from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.members.models import Chapter
from crm.outreach import kept
from crm.outreach.models import ActionChapter
from crm.outreach.queries import counted
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import of_chapters, repeated_by_chapters, tally, without_chapter
from crm.reports.rules import Reckoning, once, once_sentence


def rows(asked: Question) -> Iterator[Row]:
    """One row a chapter, the busiest first."""
    sums = kept.chapters_did(asked.wanted)
    if sums is None:
        sums = _scanned(asked)
    for name, place, pieces, actions, last, slug in db.session.execute(
        select(
            Chapter.name, Chapter.place, sums.c.pieces, sums.c.actions, sums.c.last, Chapter.slug
        )
        .join(sums, sums.c.chapter_id == Chapter.id)
        .order_by(sums.c.pieces.desc(), Chapter.name, Chapter.id)
    ):
        yield name, place or "", int(pieces), int(actions), last, slug


def _scanned(asked: Question) -> Subquery:
    done = counted(asked.wanted)
    # `action_chapter` has one row an action and chapter, so each action is met once a chapter.
    return (
        select(
            ActionChapter.chapter_id,
            func.sum(done.c.pieces).label("pieces"),
            func.count().label("actions"),
            func.max(done.c.happened_on).label("last"),
        )
        .join(done, done.c.action_id == ActionChapter.action_id)
        .where(*of_chapters(asked.wanted))
        .group_by(ActionChapter.chapter_id)
        .subquery()
    )


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """What joint work repeats, and what no chapter did."""
    joint, shared = repeated_by_chapters(asked.wanted)
    untold = without_chapter(asked.wanted)
    total = tally(asked.wanted)
    sums = Reconciliation(rows_total, shared, untold, total.total)
    if not shared and not untold:
        return Reckoning(sums, [once_sentence(total)], total.actions)
    said = [_("The chapters' numbers add up to %(sum)s.", sum=number(rows_total))]
    if shared:
        said.append(
            ngettext(
                "%(shared)s of these repeat one joint action, counted for each of its chapters.",
                "%(shared)s of these repeat %(num)s joint actions, each counted for each of its "
                "chapters.",
                joint,
                shared=number(shared),
            )
        )
    if untold:
        said.append(_("%(untold)s more were done without a chapter.", untold=number(untold)))
    said.append(_("Counted once that is %(total)s.", total=once(total)))
    return Reckoning(sums, said, total.actions)


CHART_TITLE = _l("Outreach by chapter")


def chart(shown: Sequence[Row]) -> Chart:
    """How much each chapter did."""
    return bars(CHART_TITLE, [Bar(row[0], row[2]) for row in shown[:10]])


REPORT = Report(
    name="activity-by-chapter",
    order=40,
    icon="diagram-3",
    title=_l("Activity by chapter"),
    description=_l("What each chapter did; joint work counts for each, and once in the total."),
    columns=(
        Column("chapter", _l("Chapter"), width=32),
        Column("place", _l("Place"), width=20),
        Column("pieces", _l("Outreach"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("last", _l("Last action"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=lambda row: {"chapter_itself": row[-1]},
)
