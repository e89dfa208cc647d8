"""Sums over actions. Each statement counts one thing from one table: nothing joins what it sums.

A sum over a join counts a row once for each row it meets; so rows are summed first and names are
joined to the sums. Sums that are kept (`outreach.kept`) answer where they know what is asked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    select,
)

from crm.campaigns.goals import figure_values
from crm.campaigns.models import Goal
from crm.core import db
from crm.core.access import Scope
from crm.core.i18n import today
from crm.members.models import Team, TeamMember
from crm.members.queries import in_scope
from crm.outreach import kept
from crm.outreach.channels import awaited_names, per_piece_names
from crm.outreach.kept import KeptDone
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionTarget,
    Outcome,
    action_ask,
)
from crm.outreach.outcome_kinds import answer_names
from crm.outreach.parts import Part, columns_of, told_apart
from crm.outreach.queries import ActionFilter, counted
from crm.outreach.window_rules import ADDRESSES
from crm.reports import by_month
from crm.reports.dimensions import ASK
from crm.reports.rules import Tally
from crm.targets.models import Body, Post, Target, Term


def tally(wanted: ActionFilter) -> Tally:
    """Pieces and acts, each counted once, by channel."""
    if (sums := kept.done(wanted)) is not None:
        return _kept_tally(sums)
    found = by_month.TALLY(wanted)
    return Tally(
        by_channel={channel: pieces for (channel,), (pieces, _actions) in found.items()},
        actions=sum(actions for _pieces, actions in found.values()),
    )


def tally_of_whole(wanted: ActionFilter) -> Tally:
    """The same of whole actions, also where the filter asks only for some of their targets."""
    if (sums := kept.done(wanted)) is not None:
        return _kept_tally(sums)
    rows = db.session.execute(
        select(Action.channel, func.sum(Action.pieces), func.count())
        .where(*wanted.of_actions())
        .group_by(Action.channel)
    ).all()
    return Tally(
        by_channel={channel: int(pieces) for channel, pieces, _actions in rows},
        actions=sum(actions for _channel, _pieces, actions in rows),
    )


def _kept_tally(sums: Select[Any]) -> Tally:
    pieces, actions = func.sum(KeptDone.pieces), func.sum(KeptDone.actions)
    by_channel = sums.add_columns(KeptDone.channel, pieces, actions).group_by(KeptDone.channel)
    rows = db.session.execute(by_channel.having(actions > 0)).all()
    return Tally(
        by_channel={channel: int(many) for channel, many, _actions in rows},
        actions=sum(int(many) for _channel, _pieces, many in rows),
    )


def _kept_repeats(sums: Select[Any], many: Any, more: Any, *of: ColumnElement[bool]) -> list[int]:
    """Of the actions with more than one of something: how many, and what that repeats."""
    actions = func.sum(case((and_(many > 1, *of), KeptDone.actions), else_=0))
    repeats = func.sum(case((and_(many > 1, *of), more), else_=0))
    row = db.session.execute(sums.add_columns(actions, repeats)).one()
    return [int(each or 0) for each in row]


def number_of(statement: Select[Any]) -> int:
    """The one number a statement gives; none is 0."""
    return int(db.session.scalar(statement) or 0)


def awaited_pieces() -> ColumnElement[int]:
    """Of a sum over `ActionTarget`: the pieces that wait for an answer."""
    return func.sum(case((ActionTarget.channel.in_(awaited_names()), ActionTarget.pieces), else_=0))


@dataclass(frozen=True)
class Did:
    """What falls to one part: outreach, actions, and whatever else is asked there."""

    pieces: int
    actions: int
    last: date
    #: Different targets that were reached.
    targets: int = 0
    #: Members who took part, and their minutes.
    members: int = 0
    minutes: int | None = None


def sums_by(wanted: ActionFilter, part: Part) -> dict[Any, Did]:
    """Pieces and acts by a part, each counted once there; of no ask, 0."""
    found = by_month.SUMS_OF_ASKS(wanted) if part is ASK else by_month.sums_of(part, wanted)
    return {
        key: Did(pieces, actions, by_month.day_of(last) or date.min)
        for (key,), (pieces, actions, last) in found.items()
    }


def repeated_by_asks(wanted: ActionFilter) -> tuple[int, int]:
    """Actions with several asks: how many, and what they repeat."""
    if wanted.ask_id is not None:
        # One line alone.
        return 0, 0
    once = counted(wanted, ASK)
    # From those with several, which are few.
    of_several = (
        select(action_ask.c.action_id).group_by(action_ask.c.action_id).having(func.count() > 1)
    )
    several = (
        select((func.sum(once.c.pieces) - func.max(once.c.pieces)).label("more"))
        .where(once.c.action_id.in_(of_several))
        .group_by(once.c.action_id)
        .having(func.count() > 1)
        .subquery()
    )
    actions, more = db.session.execute(select(func.count(), func.sum(several.c.more))).one()
    return actions, int(more or 0)


def reached_by(wanted: ActionFilter, part: Part) -> dict[Any, Did]:
    """What reached targets by a part, an act for each target of it: one statement."""
    if part.name == "target" and kept.knows_reach(wanted):
        return _reached_by_target(wanted)
    apart = columns_of(ActionTarget, [part])
    rows = (
        select(
            *apart,
            func.sum(ActionTarget.pieces),
            func.count(ActionTarget.action_id.distinct()),
            func.max(ActionTarget.happened_on),
            func.count(ActionTarget.target_id.distinct()),
        )
        .select_from(ActionTarget)
        .where(*wanted.of_targets())
        .group_by(part.label)
    )
    found = db.session.execute(told_apart(rows, ActionTarget, [part], wanted))
    return {key: Did(int(pieces), actions, last, targets)
            for key, pieces, actions, last, targets in found}  # fmt: skip


def _reached_by_target(wanted: ActionFilter) -> dict[Any, Did]:
    """From kept sums: of one target a row is an action."""
    sums = kept.reach(wanted, "target_id")
    rows = db.session.execute(
        select(
            sums.c.target_id, func.sum(sums.c.pieces), func.sum(sums.c.actions),
            func.max(sums.c.last),
        ).group_by(sums.c.target_id)
    )  # fmt: skip
    return {key: Did(int(pieces), int(actions), last, 1) for key, pieces, actions, last in rows}


def named_targets(target_ids: Iterable[int]) -> dict[int, Any]:
    """Name, sorted name and region of targets."""
    found: dict[int, Any] = {}
    for some in db.batches(sorted(target_ids)):
        rows = db.session.execute(
            select(Target.id, Target.name, Target.sort_name, Target.region).where(
                Target.id.in_(some)
            )
        )
        found |= {row.id: row for row in rows}
    return found


def _of_members(wanted: ActionFilter) -> Any:
    """One row a member and action that is asked for."""
    return (
        select(
            ActionMember.action_id,
            ActionMember.member_id,
            ActionMember.pieces,
            ActionMember.minutes,
            Action.happened_on,
        )
        .join(Action, Action.id == ActionMember.action_id)
        .where(*wanted.of_actions())
        .subquery("took_part")
    )


def teams_did(
    wanted: ActionFilter, team: Callable[[Any], Any], *, merges: bool = True
) -> dict[int, Did]:
    """What members did, by what `team` makes of a team's id (0: of no team): one statement.

    `merges` says whether it may make the same of two.
    """
    did = _of_members(wanted)
    key = team(func.coalesce(TeamMember.team_id, 0)).label("team")
    of_member = select(did, key).outerjoin(TeamMember, TeamMember.member_id == did.c.member_id)
    if merges:
        # A member of two teams that are told as one is one there.
        of_member = of_member.distinct()
    each = of_member.subquery("each")
    rows = db.session.execute(
        select(
            each.c.team,
            func.sum(each.c.pieces),
            func.count(each.c.action_id.distinct()),
            func.max(each.c.happened_on),
            func.count(each.c.member_id.distinct()),
            func.sum(each.c.minutes),
        ).group_by(each.c.team)
    )
    return {
        key: Did(int(pieces), actions, last, members=members, minutes=minutes)
        for key, pieces, actions, last, members, minutes in rows
    }


def in_several_teams(wanted: ActionFilter, team: Callable[[Any], Any]) -> tuple[int, int]:
    """Members whom several lines of teams tell of: how many, and what these repeat."""
    key = team(TeamMember.team_id)
    lines = (
        select(TeamMember.member_id, func.count(key.distinct()).label("lines"))
        .group_by(TeamMember.member_id)
        .having(func.count(key.distinct()) > 1)
        .subquery("lines")
    )
    did = _of_members(wanted)
    people, more = db.session.execute(
        select(
            func.count(did.c.member_id.distinct()), func.sum(did.c.pieces * (lines.c.lines - 1))
        ).join_from(did, lines, lines.c.member_id == did.c.member_id)
    ).one()
    return people, int(more or 0)


def other_teams_did(wanted: ActionFilter, seen: Scope) -> bool:
    """Whether somebody of a team outside the scope took part."""
    did = _of_members(wanted)
    other = (
        select(did.c.action_id)
        .join(TeamMember, TeamMember.member_id == did.c.member_id)
        .join(Team, Team.id == TeamMember.team_id)
        .where(~in_scope(Team.chapter_id, seen))
    )
    return db.session.scalar(other.limit(1)) is not None


def unnamed_by_all(wanted: ActionFilter) -> Did:
    """Pieces that nobody is named for."""
    tallied = [*wanted.of_actions(), Action.unnamed > 0]
    if (sums := kept.done(wanted)) is not None:
        newest = select(Action.happened_on).where(*tallied).order_by(Action.happened_on.desc())
        statement = sums.add_columns(
            func.sum(KeptDone.unnamed),
            func.sum(KeptDone.tallies),
            newest.limit(1).scalar_subquery(),
        )
    else:
        statement = select(func.sum(Action.unnamed), func.count(), func.max(Action.happened_on))
        statement = statement.where(*tallied)
    pieces, actions, last = db.session.execute(statement).one()
    return Did(int(pieces or 0), int(actions or 0), last or date.min)


@dataclass(frozen=True)
class Repeats:
    """Acts that reached several targets: how many, what they repeat; and what reached none."""

    acts: int
    shared: int
    untold: int


def repeated_by_targets(wanted: ActionFilter, total: Tally) -> Repeats:
    """How what reached the targets asked for differs from what was done; `total` is its tally."""
    names = [name for name in total.by_channel if name not in per_piece_names()]
    if wanted.narrows_targets:
        [(acts, more)] = by_month.ACTS_OF_TARGETS(wanted).values()
        return Repeats(acts, more, 0)
    if (sums := kept.done(wanted)) is not None:
        of_acts, pieces = KeptDone.channel.in_(names), KeptDone.pieces
        acts, more = _kept_repeats(sums, KeptDone.reached, pieces * (KeptDone.reached - 1), of_acts)
        none = number_of(sums.add_columns(func.sum(pieces)).where(of_acts, KeptDone.reached == 0))
        return Repeats(acts, more, none)
    # The same from the acts' side, which are few beside pieces: each of an act's targets was
    # reached by all of it.
    targets = select(func.count()).where(ActionTarget.action_id == Action.id).scalar_subquery()
    told = (
        select(Action.pieces, targets.label("targets"))
        .where(*wanted.of_actions(), Action.channel.in_(names))
        .cte("told")
        .prefix_with("MATERIALIZED")
    )
    acts, more, none = db.session.execute(
        select(
            func.sum(case((told.c.targets > 1, 1), else_=0)),
            func.sum(case((told.c.targets > 1, told.c.pieces * (told.c.targets - 1)), else_=0)),
            func.sum(case((told.c.targets == 0, told.c.pieces), else_=0)),
        )
    ).one()
    return Repeats(int(acts or 0), int(more or 0), int(none or 0))


def repeated_by_chapters(wanted: ActionFilter) -> tuple[int, int]:
    """Joint actions of the chapters asked for: how many, and what they repeat."""
    if (sums := kept.done(wanted)) is not None:
        more = KeptDone.pieces * (KeptDone.chapters - 1)
        actions, repeats = _kept_repeats(sums, KeptDone.chapters, more)
        return actions, repeats
    once = counted(wanted)
    joint = (
        select((once.c.pieces * (func.count() - 1)).label("more"))
        .join(ActionChapter, ActionChapter.action_id == once.c.action_id)
        .where(*of_chapters(wanted))
        .group_by(once.c.action_id, once.c.pieces)
        .having(func.count() > 1)
        .subquery()
    )
    actions, more = db.session.execute(select(func.count(), func.sum(joint.c.more))).one()
    return actions, int(more or 0)


def of_chapters(wanted: ActionFilter) -> list[ColumnElement[bool]]:
    """Of a joint action only the chapters asked for are told."""
    if not wanted.chapter_ids:
        return []
    return [ActionChapter.chapter_id.in_(wanted.chapter_ids)]


def without_chapter(wanted: ActionFilter) -> int:
    """Pieces of actions that no chapter did."""
    if wanted.chapter_ids:
        return 0
    if (sums := kept.done(wanted)) is not None:
        alone = sums.add_columns(func.sum(KeptDone.pieces)).where(KeptDone.chapters == 0)
        return number_of(alone)
    once = counted(wanted)
    return number_of(
        select(func.sum(once.c.pieces)).where(
            ~exists().where(ActionChapter.action_id == once.c.action_id)
        )
    )


def repeated_by_members(wanted: ActionFilter) -> tuple[int, int]:
    """Acts that several named members took part in: how many, and what they repeat."""
    [(acts, more)] = by_month.ACTS_OF_MEMBERS(wanted).values()
    return acts, more


def is_answer(kind: Any = Outcome.kind) -> list[ColumnElement[bool]]:
    """Conditions on `Outcome` with its `ActionTarget`: an answer that was waited for."""
    return [kind.in_(answer_names()), ActionTarget.channel.in_(awaited_names())]


def came_to(targets: list[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Conditions on `Outcome`, from those on the `ActionTarget` it came to."""
    if not targets:
        # Every outcome came to one.
        return []
    return [Outcome.action_target_id.in_(select(ActionTarget.id).where(*targets))]


def outcomes_first() -> CTE:
    """What came back, for a statement to begin from: it is little beside what it came to, and a
    database that does not know that would look for an outcome of every single piece.
    """
    return (
        select(Outcome.action_target_id, Outcome.kind, Outcome.received_on)
        .cte("came")
        .prefix_with("MATERIALIZED")
    )


def answers_by(what: Any, wanted: ActionFilter) -> dict[Any, int]:
    """Answers to outreach that waits for one, by a column of `ActionTarget`.

    Counted on the outcomes first: they are few beside what they answer, and a database that does
    not know that would look for an outcome of every single piece.
    """
    sums = kept.answers_by(wanted, what.key, answer_names(), awaited_names())
    if sums is not None:
        return {key: int(answers) for key, answers in db.session.execute(sums)}
    came = (
        select(Outcome.action_target_id, func.count().label("answers"))
        .where(Outcome.kind.in_(answer_names()))
        .group_by(Outcome.action_target_id)
        .cte("came")
        .prefix_with("MATERIALIZED")
    )
    rows = db.session.execute(
        select(what, func.sum(came.c.answers))
        .select_from(came)
        .join(ActionTarget, ActionTarget.id == came.c.action_target_id)
        .where(ActionTarget.channel.in_(awaited_names()), *wanted.of_targets())
        .group_by(what)
    )
    return {key: int(answers) for key, answers in rows}


@dataclass(frozen=True)
class Seat:
    """The office a target is known by."""

    office: str
    area: str
    party: str


#: Of a target that holds none.
NO_SEAT = Seat("", "", "")


def seats() -> dict[int, Seat]:
    """The office each target is known by now, by target."""
    rows = db.session.execute(
        select(Term.target_id, Post.label, Body.name, Post.area, Term.party)
        .join(Post, Post.id == Term.post_id)
        .join(Body, Body.id == Post.body_id)
        .where(Term.is_current)
        .order_by(Term.id)
    )
    return {
        target_id: Seat(label or body, area or "", party or "")
        for target_id, label, body, area, party in rows
    }


@dataclass(frozen=True)
class Progress:
    """A campaign's goal and how much of it is done."""

    goal: Goal
    done: int


def progress(campaign_ids: set[int]) -> dict[int, list[Progress]]:
    """The goals of campaigns, soonest first, with all that has been done: one statement.

    One more where one is a figure of the treaty ledger.
    """
    scanned = kept.PAST in db.session.info
    of: Any = Action if scanned else KeptDone
    done = (
        select(func.coalesce(func.sum(of.pieces), 0))
        .where(
            of.campaign_id == Goal.campaign_id,
            Goal.channel.is_(None) | (of.channel == Goal.channel),
            *([Action.undone_at.is_(None)] if scanned else []),
        )
        .scalar_subquery()
    )
    result: dict[int, list[Progress]] = {}
    rows = db.session.execute(
        select(Goal, done).where(Goal.campaign_id.in_(campaign_ids)).order_by(Goal.due_on, Goal.id)
    ).all()
    figures = figure_values([goal for goal, _amount in rows], today())
    for goal, amount in rows:
        reached = figures.get(goal.id, int(amount))
        result.setdefault(goal.campaign_id, []).append(Progress(goal, reached))
    return result


def first_deed() -> date | None:
    """The day of the earliest outreach in the record; None while there is none."""
    return db.session.scalar(
        select(Action.happened_on)
        .where(Action.undone_at.is_(None))
        .order_by(Action.happened_on, Action.id)
        .limit(1)
    )


def target_names(target_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Name, and by what it is sorted, of these targets: one statement for each 500."""
    found: dict[int, tuple[str, str]] = {}
    for some in db.batches(sorted(target_ids)):
        rows = db.session.execute(
            select(Target.id, Target.name, Target.sort_name).where(Target.id.in_(some))
        )
        found |= {row[0]: (row[1], row[2]) for row in rows}
    return found


def address_label(address: str | None) -> str:
    """The kind of address, in words; outreach of before it was kept says so."""
    if address is None:
        return _("Not known")
    return str(ADDRESSES.get(address, address))


def address_place(address: str | None) -> int:
    """Where a kind of address stands in the order they are told in."""
    order = list(ADDRESSES)
    return order.index(address) if address in order else len(order)
