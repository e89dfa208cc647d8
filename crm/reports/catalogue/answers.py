"""Every answer on a line of its own: the records behind the numbers of outcomes."""

from collections.abc import Iterator

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.shell import number
from crm.core.tables import CHUNK, Column, Kind, Row
from crm.outreach.channels import awaited_names
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import answer_names, move_names, outcome_kinds
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import came_to, number_of
from crm.reports.rules import (
    ANSWERED,
    ANY,
    MOVES,
    SUBSTANCE,
    WITHOUT_SUBSTANCE,
    Reckoning,
    channel_label,
)
from crm.targets.models import Target


def _of_outcomes(asked: Question) -> list[ColumnElement[bool]]:
    if asked.outcome == ANSWERED:
        return [Outcome.kind.in_(answer_names())]
    if asked.outcome == SUBSTANCE:
        return [Outcome.kind.in_([n for n in answer_names() if n not in WITHOUT_SUBSTANCE])]
    if asked.outcome == MOVES:
        return [Outcome.kind.in_(move_names())]
    return [] if asked.outcome in (None, ANY) else [Outcome.kind == asked.outcome]


def _of_targets(asked: Question) -> list[ColumnElement[bool]]:
    if asked.outcome in (ANSWERED, SUBSTANCE):
        return [ActionTarget.channel.in_(awaited_names()), *asked.wanted.of_targets()]
    return asked.wanted.of_targets()


def rows(asked: Question) -> Iterator[Row]:
    """One row an outcome, the newest first."""
    # An alias: the filter's own conditions speak of `Target` by themselves.
    target = aliased(Target)
    statement = (
        select(
            Outcome.received_on,
            Outcome.kind,
            target.name,
            Campaign.name,
            ActionTarget.channel,
            ActionTarget.happened_on,
            Outcome.summary,
            ActionTarget.action_id,
        )
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .join(target, target.id == ActionTarget.target_id)
        .join(Campaign, Campaign.id == ActionTarget.campaign_id)
        .where(*_of_outcomes(asked), *_of_targets(asked))
        .order_by(Outcome.received_on.desc(), Outcome.id.desc())
    )
    kinds = outcome_kinds()
    found = db.session.execute(statement, execution_options={"yield_per": CHUNK})
    for some in found.partitions():
        plain = asked.plain(row[-1] for row in some if row[-2])
        for received, kind, whom, campaign, channel, done, summary, action_id in some:
            label = str(kinds[kind].label) if kind in kinds else kind
            yield (
                received, label, whom, campaign, channel_label(channel), done,
                (received - done).days, plain.maybe(summary), 1, action_id,
            )  # fmt: skip


def reckon(asked: Question, rows_total: int | None) -> Reckoning:
    """Every outcome is one line."""
    total = number_of(
        select(func.count(Outcome.id)).where(*_of_outcomes(asked), *came_to(_of_targets(asked)))
    )
    if rows_total is None:
        rows_total = number_of(
            select(func.count(Outcome.id))
            .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
            .where(*_of_outcomes(asked), *_of_targets(asked))
        )
    return Reckoning(
        Reconciliation(rows_total, 0, 0, total),
        [
            ngettext("%(many)s outcome was recorded.", "%(many)s outcomes were recorded.", total,
                     many=number(total)),
            _("Each is one line, and belongs to one target of one action."),
        ],
    )  # fmt: skip


REPORT = Report(
    name="answers",
    order=80,
    icon="chat-left-text",
    title=_l("Every answer"),
    description=_l("One line for each thing that came back, the newest first."),
    columns=(
        Column("received", _l("Received"), Kind.DATE, 12),
        Column("outcome", _l("What came back"), width=24),
        Column("target", _l("Target"), width=28),
        Column("campaign", _l("Campaign"), width=32),
        Column("channel", _l("On what"), width=16),
        Column("done", _l("Done on"), Kind.DATE, 12),
        Column("days", _l("Days"), Kind.NUMBER, 8),
        Column("summary", _l("Summary"), width=60),
        Column("many", _l("How many"), Kind.NUMBER, 10),
    ),
    rows=rows,
    reckon=reckon,
    counts="many",
    unsummed=frozenset({"days"}),
    plain=frozenset({"days", "many"}),
    record=lambda row: ("outreach.page", {"action_id": row[-1]}),
    streamed=True,
)
