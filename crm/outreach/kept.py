"""Sums of outreach that are kept, because at a million actions the scan makes a person wait.

Triggers of the database (migration 0008) add a row for whatever a change adds to a sum or takes
from it; a sum is what all its rows add up to, so it is true at any moment, within any transaction,
whoever writes: a form, an import, a merge. Nobody waits for anybody, as rows are only added.
`fold` adds them up now and then. Nothing else may write here, and nothing here is of its own: what
is lost comes back by `rebuild`, and backups leave it out.

Readers ask `reach`, which takes the kept sums where they know all that a filter asks, and the scan
where they do not; and `done`, `chapters_did`, `pieces_by` and `answers_by`, which say None then.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Select,
    Subquery,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import db
from crm.outreach.models import Action, ActionChapter, ActionTarget, Outcome
from crm.outreach.parts import DONE, REACH, Part, columns_of, told_apart
from crm.outreach.queries import ActionFilter


class KeptDone(db.Model):
    """What was done, by what tells actions apart in sums. Undone actions are not in it."""

    __tablename__ = "kept_done"
    __audited__ = False
    __table_args__ = {"info": db.DERIVED}

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int]
    channel: Mapped[str]
    #: The first day of it.
    month: Mapped[date]
    #: How many targets and chapters each of these actions has.
    reached: Mapped[int]
    chapters: Mapped[int]
    pieces: Mapped[int]
    actions: Mapped[int]
    unnamed: Mapped[int]
    #: Of the actions: those with a part that nobody is named for.
    tallies: Mapped[int]


class KeptReach(db.Model):
    """What reached each target, by the term it held. Columns are called as `ActionTarget`'s."""

    __tablename__ = "kept_reach"
    __audited__ = False
    __table_args__ = {"info": db.DERIVED}

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int]
    term_id: Mapped[int | None]
    campaign_id: Mapped[int]
    channel: Mapped[str]
    pieces: Mapped[int]
    #: Rows of `action_target`: of one target that many actions.
    actions: Mapped[int]
    went_to: Mapped[str | None]
    #: Of the pieces: those an answer is waited for.
    awaiting: Mapped[int]


class KeptChapter(db.Model):
    """What each chapter did; joint work counts for each."""

    __tablename__ = "kept_chapter"
    __audited__ = False
    __table_args__ = {"info": db.DERIVED}

    id: Mapped[int] = mapped_column(primary_key=True)
    chapter_id: Mapped[int]
    campaign_id: Mapped[int]
    channel: Mapped[str]
    month: Mapped[date]
    pieces: Mapped[int]
    actions: Mapped[int]


class KeptAnswer(db.Model):
    """What came back, by what it came to."""

    __tablename__ = "kept_answer"
    __audited__ = False
    __table_args__ = {"info": db.DERIVED}

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int]
    channel: Mapped[str]
    #: The month of the outreach, and the month the outcome came in.
    month: Mapped[date]
    received: Mapped[date]
    kind: Mapped[str]
    outcomes: Mapped[int]


#: Each table: what tells its sums apart, and the sums.
_KEYS: dict[Any, tuple[str, ...]] = {
    KeptDone: ("campaign_id", "channel", "month", "reached", "chapters"),
    KeptReach: ("target_id", "term_id", "campaign_id", "channel", "went_to"),
    KeptChapter: ("chapter_id", "campaign_id", "channel", "month"),
    KeptAnswer: ("campaign_id", "channel", "month", "received", "kind"),
}
_SUMS: dict[Any, tuple[str, ...]] = {
    KeptDone: ("pieces", "actions", "unnamed", "tallies"),
    KeptReach: ("pieces", "actions", "awaiting"),
    KeptChapter: ("pieces", "actions"),
    KeptAnswer: ("outcomes",),
}
#: Rows that may lie about unadded before `fold` takes its trouble.
LOOSE = 2000


def _month(column: Any, dialect: str) -> ColumnElement[date]:
    if dialect == "postgresql":
        return func.date_trunc("month", column).cast(Date)
    return type_coerce(func.substr(column, 1, 8).concat("01"), Date)


def _scans(dialect: str) -> dict[Any, Select[Any]]:
    """The same sums from the rows themselves: what the kept ones must be equal to."""
    parts = {
        "reached": select(func.count()).where(ActionTarget.action_id == Action.id),
        "chapters": select(func.count()).where(ActionChapter.action_id == Action.id),
    }
    each = (
        select(
            Action.campaign_id,
            Action.channel,
            _month(Action.happened_on, dialect).label("month"),
            parts["reached"].scalar_subquery().label("reached"),
            parts["chapters"].scalar_subquery().label("chapters"),
            Action.pieces,
            Action.unnamed,
        )
        .where(Action.undone_at.is_(None))
        .subquery()
    )
    tallies = func.sum(case((each.c.unnamed > 0, 1), else_=0))
    waits = case((ActionTarget.awaiting.is_(True), ActionTarget.pieces), else_=0)
    month = _month(Action.happened_on, dialect).label("month")
    each_answer = (
        select(
            ActionTarget.campaign_id,
            ActionTarget.channel,
            _month(ActionTarget.happened_on, dialect).label("month"),
            _month(Outcome.received_on, dialect).label("received"),
            Outcome.kind,
        )
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .subquery()
    )
    came = [each_answer.c[name] for name in _KEYS[KeptAnswer]]
    of_done = [each.c[name] for name in _KEYS[KeptDone]]
    of_reach = [getattr(ActionTarget, name) for name in _KEYS[KeptReach]]
    return {
        KeptDone: select(
            *of_done, func.sum(each.c.pieces), func.count(), func.sum(each.c.unnamed), tallies
        ).group_by(*of_done),
        KeptReach: select(
            *of_reach, func.sum(ActionTarget.pieces), func.count(), func.sum(waits)
        ).group_by(*of_reach),
        KeptChapter: select(
            ActionChapter.chapter_id, Action.campaign_id, Action.channel, month,
            func.sum(Action.pieces), func.count(),
        )
        .join(Action, Action.id == ActionChapter.action_id)
        .where(Action.undone_at.is_(None))
        .group_by(ActionChapter.chapter_id, Action.campaign_id, Action.channel,
                  literal_column("4") if dialect == "postgresql" else month),
        KeptAnswer: select(*came, func.count()).select_from(each_answer)
        .group_by(*came),
    }  # fmt: skip


def _kept(model: Any) -> Select[Any]:
    columns = [getattr(model, name) for name in _KEYS[model]]
    sums = [func.sum(getattr(model, name)) for name in _SUMS[model]]
    return select(*columns, *sums).group_by(*columns).having(_is_something(model))


def _is_something(model: Any) -> ColumnElement[bool]:
    return or_(*(func.sum(getattr(model, name)) != 0 for name in _SUMS[model]))


def rebuild(connection: Connection) -> None:
    """Make all sums anew from the rows: after a restore, and when a check found them wrong.

    To be done while nobody writes: on PostgreSQL it holds the tables of outreach until its end.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "LOCK TABLE action, action_target, action_chapter, outcome IN SHARE MODE"
        )
    for model, scan in _scans(connection.dialect.name).items():
        connection.execute(delete(model))
        connection.execute(
            insert(model.__table__).from_select([*_KEYS[model], *_SUMS[model]], scan)
        )


def wrong() -> dict[str, int]:
    """How many sums of each table are not what the rows say; empty when all is well."""
    found = {}
    for model, scan in _scans(db.session.get_bind().dialect.name).items():
        rows = {tuple(row) for row in db.session.execute(scan)}
        if differing := rows ^ {tuple(row) for row in db.session.execute(_kept(model))}:
            found[model.__tablename__] = len(differing)
    return found


_GUARDS = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'kept\\_%' "
    "ESCAPE '\\'",
    "postgresql": "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'kept\\_%' "
    "AND tgenabled <> 'D'",
}
#: Three for each of four tables that are summed and of five whose months are marked, and one for
#: what targets are told apart by; on SQLite one for answers whose outreach moves to another day.
_GUARDED = {"sqlite": 3 * 4 + 5 * 3 + 2, "postgresql": 3 * 4 + 5 * 3 + 1}


def is_guarded() -> bool:
    """Whether all triggers are there."""
    dialect = db.session.get_bind().dialect.name
    return db.session.scalar(text(_GUARDS[dialect])) == _GUARDED[dialect]


def fold(*, loose: int = LOOSE) -> None:
    """Add up the rows that changes left, where more than `loose` lie about. In a unit of work.

    What others write meanwhile stays as it is: only rows that were found are taken.
    """
    connection = db.session.connection()
    for model in _KEYS:
        rows = connection.scalar(select(func.count()).select_from(model))
        sums = connection.scalar(select(func.count()).select_from(_kept(model).subquery()))
        if not rows or rows <= (sums or 0) + loose:
            continue
        names = [*_KEYS[model], *_SUMS[model]]
        if connection.dialect.name == "postgresql":
            # One statement: what it deletes is what it adds up.
            gone = delete(model).returning(*(getattr(model, name) for name in names)).cte("gone")
            keys = [gone.c[name] for name in _KEYS[model]]
            summed = select(*keys, *(func.sum(gone.c[name]) for name in _SUMS[model]))
            something = [func.sum(gone.c[name]) != 0 for name in _SUMS[model]]
            summed = summed.group_by(*keys).having(or_(*something))
            connection.execute(insert(model.__table__).from_select(names, summed))
            continue
        last = connection.scalar(select(func.max(model.id)))
        connection.execute(insert(model.__table__).from_select(names, _kept(model)))
        connection.execute(delete(model).where(model.id <= last))


# Readers


#: In the `info` of a session that tells of an earlier day (`reports.as_of`).
PAST = "as_of"
#: What a filter asks of targets, and of the terms they held that day.
_OF_TARGETS = ("target_id", "kind", "region", "on_list", "committee_id")
_OF_TERMS = ("post_id", "area", "party", "body_id")
#: Filters each table's rows can be asked for; any other asks the rows themselves.
_REACH_KNOWS = frozenset({"campaign_id", "channel", "went_to", *_OF_TARGETS, *_OF_TERMS})
_DONE_KNOWS = frozenset({"campaign_id", "channel", "since", "until"})


def _asks_only(wanted: ActionFilter, known: frozenset[str]) -> bool:
    """Whether nothing is asked that is not known; a filter nobody has thought of is not.

    Nor is the past: a session that tells of an earlier day has other rows than these sums.
    """
    return PAST not in db.session.info and all(
        getattr(wanted, each.name) is None or each.name in known for each in fields(wanted)
    )


def _asks(wanted: ActionFilter, names: tuple[str, ...]) -> bool:
    return any(getattr(wanted, name) is not None for name in names)


def knows_reach(wanted: ActionFilter) -> bool:
    """Whether `reach` answers this filter from kept sums."""
    return _asks_only(wanted, _REACH_KNOWS)


def knows_done(wanted: ActionFilter) -> bool:
    """Whether `done` answers this filter from kept sums: its days are whole months."""
    since, until = wanted.since, wanted.until
    return (
        _asks_only(wanted, _DONE_KNOWS)
        and (since is None or since.day == 1)
        and (until is None or (until + timedelta(days=1)).day == 1)
    )


def reach(wanted: ActionFilter, by: str, *, days: bool = True) -> Subquery:
    """What reached targets: a column `by` (`target_id`, `term_id` or `campaign_id`), `channel`,
    `pieces`, `actions` (rows of `action_target`) and, with `days`, the `last` of them.
    """
    if not knows_reach(wanted) or (days and wanted.went_to is not None):
        # The latest day by kind of address is in no index.
        key = getattr(ActionTarget, by)
        return (
            # As the indexes lie: nothing is sorted and no row of the table is read.
            select(
                key,
                ActionTarget.channel,
                func.sum(ActionTarget.pieces).label("pieces"),
                func.count().label("actions"),
                func.max(ActionTarget.happened_on).label("last"),
            )
            .where(*wanted.of_targets())
            .group_by(key, ActionTarget.channel)
            .subquery("reach")
        )
    names = ["campaign_id", "channel"]
    if by == "term_id" or _asks(wanted, _OF_TERMS):
        names.append("term_id")
    if by == "target_id" or _asks(wanted, _OF_TARGETS) or len(names) == 2:
        names.append("target_id")
    keys = [getattr(KeptReach, name) for name in names]
    actions = func.sum(KeptReach.actions)
    sums = (
        select(*keys, func.sum(KeptReach.pieces).label("pieces"), actions.label("actions"))
        .where(*wanted.of_targets(KeptReach))
        .group_by(*keys)
        .having(actions > 0)
        .subquery("sums")
    )
    if not days:
        return (
            select(
                sums.c[by],
                sums.c.channel,
                func.sum(sums.c.pieces).label("pieces"),
                func.sum(sums.c.actions).label("actions"),
            )
            .group_by(sums.c[by], sums.c.channel)
            .subquery("reach")
        )
    # Days cannot be taken away again from a latest one: each is the last entry of an index.
    same = [getattr(ActionTarget, name) == sums.c[name] for name in names if name != "term_id"]

    def newest(*term: ColumnElement[bool]) -> ColumnElement[date]:
        asked = select(func.max(ActionTarget.happened_on)).where(*same, *term)
        return asked.correlate(sums).scalar_subquery()

    latest = newest()
    if "term_id" in names:
        # Told apart, as PostgreSQL looks nothing up that may be NULL.
        held = ActionTarget.term_id
        latest = case(
            (sums.c.term_id.is_(None), newest(held.is_(None))),
            else_=newest(held == sums.c.term_id),
        )
    each = select(sums, latest.label("last")).subquery("each_sum")
    return (
        select(
            each.c[by],
            each.c.channel,
            func.sum(each.c.pieces).label("pieces"),
            func.sum(each.c.actions).label("actions"),
            func.max(each.c.last).label("last"),
        )
        .group_by(each.c[by], each.c.channel)
        .subquery("reach")
    )


def reach_in_terms(wanted: ActionFilter) -> Subquery:
    """What reached each target in each term it held: `target_id`, `term_id`, `pieces`."""
    of: Any = KeptReach if knows_reach(wanted) else ActionTarget
    actions = func.sum(KeptReach.actions) if of is KeptReach else func.count()
    return (
        select(of.target_id, of.term_id, func.sum(of.pieces).label("pieces"))
        .where(*wanted.of_targets(of))
        .group_by(of.target_id, of.term_id)
        .having(actions > 0)
        .subquery("sums")
    )


def reach_by(
    wanted: ActionFilter, parts: Sequence[Part], *, channels: Sequence[str] | None = None
) -> Select[Any] | None:
    """The pieces that reached targets, told apart by parts; of some channels alone, where these
    are given. None where the sums do not know the filter or a part.
    """
    if not (knows_reach(wanted) and all(REACH in part.sums for part in parts)):
        return None
    apart = columns_of(KeptReach, parts)
    asked = wanted.of_targets(KeptReach)
    if channels is not None:
        asked.append(KeptReach.channel.in_(channels))
    rows = (
        select(*apart, func.sum(KeptReach.pieces))
        .select_from(KeptReach)
        .where(*asked)
        .group_by(*(each.name for each in apart))
    )
    told: Select[Any] = told_apart(rows, KeptReach, parts, wanted)
    return told


def targets_by(wanted: ActionFilter, parts: Sequence[Part]) -> Select[Any] | None:
    """How many different targets were reached, told apart by parts; None where that is not kept."""
    if not (knows_reach(wanted) and all(REACH in part.sums for part in parts)):
        return None
    apart = columns_of(KeptReach, parts)
    rows = (
        select(*apart, KeptReach.target_id.label("whom"))
        .select_from(KeptReach)
        .where(*wanted.of_targets(KeptReach))
        .group_by(*(each.name for each in apart), KeptReach.target_id)
        .having(func.sum(KeptReach.actions) > 0)
    )
    each = told_apart(rows, KeptReach, parts, wanted).subquery("each_target")
    keys = [each.c[part.label] for part in parts]
    return select(*keys, func.count()).select_from(each).group_by(*keys)


def done_by(wanted: ActionFilter, parts: Sequence[Part]) -> Subquery | None:
    """What was done by parts, not summed yet: a column for each, `pieces`, `actions`; None where
    that is not kept. Joint work is there for each of its chapters where these are told apart.
    """
    if not all(DONE in part.sums for part in parts) or (sums := done(wanted)) is None:
        return None
    rows = _lines(sums, KeptDone)
    if any(part.name == _CHAPTER for part in parts):
        of_none = rows.add_columns(literal_column("0").label("chapter_id")).where(
            KeptDone.chapters == 0
        )
        theirs = _lines(_done_of(KeptChapter, wanted), KeptChapter)
        rows = union_all(of_none, theirs.add_columns(KeptChapter.chapter_id))  # type: ignore[assignment]
    did = rows.subquery("did")
    apart = [
        did.c.chapter_id.label(part.label)
        if part.name == _CHAPTER
        else part.column(did.c).label(part.label)
        for part in parts
    ]
    return select(*apart, did.c.pieces, did.c.actions).subquery("done_by")


#: The name of the part that `KeptDone` alone does not know.
_CHAPTER = "chapter"


def _lines(sums: Select[Any], of: Any) -> Select[Any]:
    # A month stands for its days.
    return sums.add_columns(
        of.campaign_id, of.channel, of.month.label("happened_on"), of.pieces, of.actions
    )


Pieces = dict[Any, int]


def pieces_by(
    wanted: ActionFilter, by: str, awaited: Sequence[str]
) -> tuple[Pieces, Pieces, Pieces] | None:
    """By a column of `ActionTarget` the pieces that reached targets, those of the channels
    `awaited`, and those an answer is waited for now; None where that is not kept.
    """
    if by not in _KEYS[KeptReach] or not knows_reach(wanted):
        return None
    key, pieces = getattr(KeptReach, by), KeptReach.pieces
    of_awaited = func.sum(case((KeptReach.channel.in_(awaited), pieces), else_=0))
    rows = db.session.execute(
        select(key, func.sum(pieces), of_awaited, func.sum(KeptReach.awaiting))
        .where(*wanted.of_targets(KeptReach))
        .group_by(key)
        .having(func.sum(KeptReach.actions) > 0)
    ).all()
    reached, awaits, waiting = (
        {row[0]: int(row[place]) for row in rows if row[place]} for place in (1, 2, 3)
    )
    return reached, awaits, waiting


def ways(wanted: ActionFilter, by: str, awaited: Sequence[str]) -> Select[Any]:
    """What different ways were gone by a column of `ActionTarget`: that, the channel (one of
    `awaited`) and the kind of address.
    """
    of: Any = KeptReach if knows_reach(wanted) else ActionTarget
    apart = [getattr(of, by), of.channel, of.went_to]
    asked = wanted.of_targets(of)
    if of is KeptReach:
        gone = select(*apart).where(of.channel.in_(awaited), *asked).group_by(*apart)
        return gone.having(func.sum(KeptReach.actions) > 0)
    if by == "target_id":
        # By an expression: in the order of targets' own index each leads to rows all over.
        apart[0] = apart[0] + literal_column("0")
    return select(*apart).where(of.channel.in_(awaited), *asked).distinct()


def done(wanted: ActionFilter) -> Select[Any] | None:
    """`KeptDone` as far as a filter asks, to add columns of sums to; None where it does not know.

    A sum over no rows is NULL, as any; a group may come to 0.
    """
    return _done_of(KeptDone, wanted) if knows_done(wanted) else None


def _done_of(of: Any, wanted: ActionFilter) -> Select[Any]:
    asked = list[ColumnElement[bool]]()
    if wanted.campaign_id is not None:
        asked.append(of.campaign_id == wanted.campaign_id)
    if wanted.channel is not None:
        asked.append(of.channel == wanted.channel)
    if wanted.since is not None:
        asked.append(of.month >= wanted.since)
    if wanted.until is not None:
        asked.append(of.month <= wanted.until)
    return select().select_from(of).where(*asked)


def answers_by(
    wanted: ActionFilter, by: str, kinds: Sequence[str], awaited: Sequence[str]
) -> Select[Any] | None:
    """How many outcomes of these kinds came to outreach of these channels, by `campaign_id` or
    `channel`; None where that is not kept.
    """
    if by not in _KEYS[KeptAnswer] or not knows_done(wanted):
        return None
    key = getattr(KeptAnswer, by)
    outcomes = func.sum(KeptAnswer.outcomes)
    return (
        _done_of(KeptAnswer, wanted)
        .add_columns(key, outcomes)
        .where(KeptAnswer.kind.in_(kinds), KeptAnswer.channel.in_(awaited))
        .group_by(key)
        .having(outcomes > 0)
    )


def chapters_did(wanted: ActionFilter) -> Subquery | None:
    """What each chapter did: `chapter_id, pieces, actions, last`; None where that is not kept."""
    without = wanted.with_(chapter_ids=None)
    # The latest day of a campaign's or channel's work is in no index of chapters.
    if not knows_done(without) or wanted.campaign_id is not None or wanted.channel is not None:
        return None
    asked, days = list[ColumnElement[bool]](), list[ColumnElement[bool]]()
    if wanted.chapter_ids is not None:
        if not wanted.chapter_ids:
            return None
        asked.append(KeptChapter.chapter_id.in_(wanted.chapter_ids))
    if wanted.since is not None:
        asked.append(KeptChapter.month >= wanted.since)
        days.append(ActionChapter.happened_on >= wanted.since)
    if wanted.until is not None:
        asked.append(KeptChapter.month <= wanted.until)
        days.append(ActionChapter.happened_on <= wanted.until)
    actions = func.sum(KeptChapter.actions)
    sums = (
        select(
            KeptChapter.chapter_id,
            func.sum(KeptChapter.pieces).label("pieces"),
            actions.label("actions"),
        )
        .where(*asked)
        .group_by(KeptChapter.chapter_id)
        .having(actions > 0)
        .subquery("sums")
    )
    latest = (
        select(func.max(ActionChapter.happened_on))
        .where(ActionChapter.chapter_id == sums.c.chapter_id, *days)
        .correlate(sums)
        .scalar_subquery()
    )
    return select(sums, latest.label("last")).subquery("chapters_did")
