"""What reached each target: the report the rest of the house is for."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy import case, func, select

from crm.core import db
from crm.core.charts import Bar, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach.models import ActionTarget
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import (
    NO_SEAT,
    Repeats,
    answers_by,
    awaited_names,
    repeated_by_targets,
    seats,
    tally,
)
from crm.reports.rules import ANSWERED, Reckoning, Tally, once, once_sentence
from crm.targets.models import Target


def rows(asked: Question) -> Iterator[Row]:
    """One row a target, most reached first."""
    # By target and channel, as the index lies: nothing is sorted and no row of the table is read.
    sums = (
        select(
            ActionTarget.target_id,
            ActionTarget.channel,
            func.sum(ActionTarget.pieces).label("pieces"),
            func.count().label("actions"),
            func.max(ActionTarget.happened_on).label("last"),
        )
        .where(*asked.wanted.of_targets())
        .group_by(ActionTarget.target_id, ActionTarget.channel)
        .subquery()
    )
    # Then by target alone, which is a few thousand rows and no longer a million.
    awaited = case((sums.c.channel.in_(awaited_names()), sums.c.pieces), else_=0)
    reached = (
        select(
            sums.c.target_id,
            func.sum(sums.c.pieces).label("pieces"),
            func.sum(sums.c.actions).label("actions"),
            func.sum(awaited).label("awaited"),
            func.max(sums.c.last).label("last"),
        )
        .group_by(sums.c.target_id)
        .subquery()
    )
    found = db.session.execute(
        select(Target.id, Target.sort_name, Target.name, Target.region, reached.c.pieces,
               reached.c.actions, reached.c.awaited, reached.c.last)
        .join(reached, reached.c.target_id == Target.id)
    )  # fmt: skip
    answers, known_by = answers_by(ActionTarget.target_id, asked.wanted), seats()
    # Sorted here: databases differ in what comes first of two names.
    for target_id, _sorted_by, name, region, pieces, actions, waited, last in sorted(
        found, key=lambda row: (-row.pieces, row.sort_name, row.id)
    ):
        seat, came = known_by.get(target_id, NO_SEAT), answers.get(target_id, 0)
        yield (
            name, seat.office, seat.area or region or "", seat.party, int(pieces),
            int(actions), came, Share(came, int(waited)), last, target_id,
        )  # fmt: skip


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """What acts with several targets repeat, and what reached no target."""
    return reckoned(rows_total, asked)


def reckoned(rows_total: int, asked: Question, *more: str) -> Reckoning:
    """For reports whose rows are what reached targets; `more` is said at the end."""
    total = tally(asked.wanted)
    repeats = repeated_by_targets(asked.wanted, total)
    return Reckoning(
        Reconciliation(rows_total, repeats.shared, repeats.untold, total.total),
        [*target_sentences(rows_total, repeats, total), *more],
        total.actions,
    )


def target_sentences(rows_total: int, repeats: Repeats, total: Tally) -> list[str]:
    """How what reached targets and what was done fit, in words."""
    reached = ngettext(
        "Targets were reached %(many)s time",
        "Targets were reached %(many)s times",
        rows_total,
        many=number(rows_total),
    )
    if not repeats.shared and not repeats.untold:
        if not rows_total:
            return [once_sentence(total)]
        return [_("%(reached)s, each counted once: %(told)s.", reached=reached, told=total.told)]
    said = [f"{reached}."]
    if repeats.shared:
        said.append(
            ngettext(
                "%(shared)s of these repeat one act that reached several targets.",
                "%(shared)s of these repeat %(many)s acts that reached several targets.",
                repeats.acts,
                shared=number(repeats.shared),
                many=number(repeats.acts),
            )
        )
    if repeats.untold:
        said.append(
            ngettext(
                "%(many)s act reached the public and no target by name.",
                "%(many)s acts reached the public and no target by name.",
                repeats.untold,
                many=number(repeats.untold),
            )
        )
    said.append(_("Counted once that is %(total)s.", total=once(total)))
    return said


CHART_TITLE = _l("Targets reached most")


def chart(shown: Sequence[Row]) -> Markup:
    """The targets reached most."""
    most = sorted(shown, key=lambda row: -row[4])[:10]
    return bars(CHART_TITLE, [Bar(row[0], row[4]) for row in most])


REPORT = Report(
    name="activity-by-target",
    order=10,
    icon="bank",
    title=_l("Activity by target"),
    description=_l("How often each target was reached, how it answered, and when it was last."),
    columns=(
        Column("target", _l("Target"), width=28),
        Column("office", _l("Office"), width=36),
        Column("area", _l("State or region"), width=16),
        Column("party", _l("Party"), width=14),
        Column("pieces", _l("Reached"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("rate", _l("Answer rate"), Kind.SHARE, 18),
        Column("last", _l("Last contact"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    chart=chart,
    chart_title=CHART_TITLE,
    lists_outcomes={"answers": ANSWERED, "rate": ANSWERED},
    beneath={"office": "target"},
    narrow=lambda row: {"target": str(row[-1])},
    record=lambda row: ("targets.page", {"target_id": row[-1]}),
)
