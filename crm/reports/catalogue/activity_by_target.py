"""What reached each target: the report the rest of the house is for."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy import func, select

from crm.core import db
from crm.core.charts import Bar, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach.models import ActionTarget
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import (
    NO_SEAT,
    answers_by,
    awaited_pieces,
    repeated_by_targets,
    seats,
    tally,
    without_target,
)
from crm.reports.rules import ANSWERED, Reckoning, Tally, once, once_sentence
from crm.targets.models import Target


def rows(asked: Question) -> Iterator[Row]:
    """One row a target, most reached first."""
    sums = (
        select(
            ActionTarget.target_id,
            func.sum(ActionTarget.pieces).label("pieces"),
            func.count().label("actions"),
            awaited_pieces().label("awaited"),
            func.max(ActionTarget.happened_on).label("last"),
        )
        .where(*asked.wanted.of_targets())
        .group_by(ActionTarget.target_id)
        .subquery()
    )
    reached = db.session.execute(
        select(
            Target.id, Target.name, Target.region,
            sums.c.pieces, sums.c.actions, sums.c.awaited, sums.c.last,
        )
        .join(sums, sums.c.target_id == Target.id)
        .order_by(sums.c.pieces.desc(), Target.sort_name, Target.id)
    ).all()  # fmt: skip
    answers, known_by = answers_by(ActionTarget.target_id, asked.wanted), seats()
    for target_id, name, region, pieces, actions, awaited, last in reached:
        seat = known_by.get(target_id, NO_SEAT)
        came = answers.get(target_id, 0)
        yield (
            name, seat.office, seat.area or region or "", seat.party, int(pieces), actions,
            came, Share(came, int(awaited)), last, target_id,
        )  # fmt: skip


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """What acts with several targets repeat, and what reached no target."""
    acts, shared = repeated_by_targets(asked.wanted)
    untold = without_target(asked.wanted)
    total = tally(asked.wanted)
    return Reckoning(
        Reconciliation(rows_total, shared, untold, total.total),
        target_sentences(rows_total, acts, shared, untold, total),
        total.actions,
    )


def target_sentences(
    rows_total: int, acts: int, shared: int, untold: int, total: Tally
) -> list[str]:
    """How what reached targets and what was done fit, in words."""
    reached = ngettext("Targets were reached %(many)s time", "Targets were reached %(many)s times",
                       rows_total, many=number(rows_total))  # fmt: skip
    if not shared and not untold:
        if not rows_total:
            return [once_sentence(total)]
        return [_("%(reached)s, each counted once: %(told)s.", reached=reached, told=total.told)]
    said = [f"{reached}."]
    if shared:
        said.append(
            ngettext(
                "%(shared)s of these repeat one act that reached several targets.",
                "%(shared)s of these repeat %(num)s acts that reached several targets.",
                acts,
                shared=number(shared),
            )
        )
    if untold:
        said.append(
            ngettext(
                "%(num)s act reached the public and no target by name.",
                "%(num)s acts reached the public and no target by name.",
                untold,
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
    narrow=lambda row: {"target": str(row[-1])},
    record=lambda row: ("targets.page", {"target_id": row[-1]}),
)
