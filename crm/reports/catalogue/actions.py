"""The ledger: every action and target on a line of its own, as many as there are."""

from collections.abc import Iterator
from datetime import date
from functools import cache, partial
from itertools import chain
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import String, func, select, type_coerce
from sqlalchemy.orm import aliased

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.tables import CHUNK, Column, Kind, Row
from crm.members.models import Chapter
from crm.outreach.models import Action, ActionChapter, ActionTarget, Outcome
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.catalogue.activity_by_target import target_sentences
from crm.reports.queries import is_answer, number_of, repeated_by_targets, tally
from crm.reports.rules import ANSWERED, Reckoning, channel_label
from crm.targets.models import Body, Post, Target, Term

#: Rows read at once: whom texts about them name is asked once for all of these.
_FIRST, _AT_ONCE = CHUNK // 4, 4 * CHUNK


def rows(asked: Question) -> Iterator[Row]:
    """One row an action and target, the newest first; an action without a target has one too.

    Read a few at a time. State and party are those of the term held that day.
    """
    chapters = (
        select(func.aggregate_strings(Chapter.name, ", "))
        .join(ActionChapter, ActionChapter.chapter_id == Chapter.id)
        .where(ActionChapter.action_id == Action.id)
        .scalar_subquery()
    )
    answers = (
        select(func.count(Outcome.id))
        .where(Outcome.action_target_id == ActionTarget.id, *is_answer())
        .correlate(ActionTarget)
        .scalar_subquery()
    )
    # Aliases: the filter's own conditions speak of `Target`, `Term` and `Post` by themselves.
    target, term, post, body = aliased(Target), aliased(Term), aliased(Post), aliased(Body)
    # Where targets are asked for, an action without one is none of them.
    narrows = asked.wanted.narrows_targets
    asked_for = asked.wanted.of_targets() if narrows else asked.wanted.of_actions()
    statement = (
        select(
            # As it comes: read by `_day`, each once.
            type_coerce(Action.happened_on, String),
            Action.channel,
            func.coalesce(ActionTarget.pieces, Action.pieces),
            target.name,
            func.coalesce(post.label, body.name),
            func.coalesce(post.area, target.region),
            term.party,
            Campaign.name,
            chapters,
            answers,
            Action.place,
            Action.id,
        )
        .join(Campaign, Campaign.id == Action.campaign_id)
        .join(ActionTarget, ActionTarget.action_id == Action.id, isouter=not narrows)
        .outerjoin(target, target.id == ActionTarget.target_id)
        .outerjoin(term, term.id == ActionTarget.term_id)
        .outerjoin(post, post.id == term.post_id)
        .outerjoin(body, body.id == post.body_id)
        .where(*asked_for)
        .order_by(Action.happened_on.desc(), Action.id.desc(), ActionTarget.id)
    )
    # Past the session, whose loading would take as long again as reading and writing.
    found = db.session.connection().execute(statement, execution_options={"yield_per": _AT_ONCE})
    # What is told of a value is found once: a million rows have a thousand days, ten channels.
    day_of, label_of = cache(_day), cache(channel_label)
    # A page shows no more than the first.
    first, rest = found.fetchmany(_FIRST), partial(found.fetchmany, _AT_ONCE)
    for some in chain([first], iter(rest, [])):
        plain = asked.plain(row[-1] for row in some if row[-2])
        for (day, channel, pieces, name, office, area, party, campaign, did, came, place,
             action_id) in some:  # fmt: skip
            yield (
                day_of(day), label_of(channel), pieces, name, office, area, party, campaign, did,
                came, place and plain(place), action_id, action_id,
            )  # fmt: skip


def _day(told: Any) -> date:
    """A day as the driver tells it; SQLite's by a text."""
    return told if isinstance(told, date) else date.fromisoformat(told)


def reckon(asked: Question, rows_total: int | None) -> Reckoning:
    """What acts with several targets repeat: they have a line for each; so has what had none."""
    total = tally(asked.wanted)
    repeats = repeated_by_targets(asked.wanted, total)
    if rows_total is None:
        reached = select(func.sum(ActionTarget.pieces)).where(*asked.wanted.of_targets())
        rows_total = number_of(reached) + repeats.untold
    return Reckoning(
        Reconciliation(rows_total, repeats.shared, 0, total.total),
        [
            *target_sentences(rows_total - repeats.untold, repeats, total),
            _("An action has one line for each target it reached."),
        ],
        total.actions,
    )


REPORT = Report(
    name="actions",
    order=90,
    icon="list-columns",
    title=_l("Every action"),
    description=_l("The ledger: one line for each action and target, the newest first."),
    columns=(
        Column("date", _l("Date"), Kind.DATE, 12),
        Column("channel", _l("Channel"), width=16),
        Column("pieces", _l("Pieces"), Kind.NUMBER, 10),
        Column("target", _l("Target"), width=28),
        Column("office", _l("Office that day"), width=32),
        Column("area", _l("State or region"), width=16),
        Column("party", _l("Party"), width=14),
        Column("campaign", _l("Campaign"), width=32),
        Column("chapters", _l("Chapters"), width=32),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("place", _l("Place"), width=20),
        Column("action", _l("Action"), Kind.NUMBER, 10),
    ),
    rows=rows,
    reckon=reckon,
    unsummed=frozenset({"action", "answers"}),
    plain=frozenset({"action"}),
    lists_outcomes={"answers": ANSWERED},
    record=lambda row: ("outreach.page", {"action_id": row[-1]}),
    beneath={"office": "target", "party": "area", "place": "chapters"},
    streamed=True,
)
