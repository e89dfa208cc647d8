"""Actions as lists, panels and pages show them: few statements, each one index read.

A page of a list costs the same at ten thousand and at a million actions: the ids of its rows come
from an index in their order, all else is asked for those ids alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from flask_babel import ngettext
from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.paging import CEILING, SIZE, Page, page_of
from crm.members.disclosure import Viewer, first_name
from crm.members.models import Chapter
from crm.outreach.channels import Channel, channels
from crm.outreach.models import Action, ActionChapter, ActionTarget, Outcome, OutcomeFile
from crm.outreach.outcome_kinds import OutcomeKind, outcome_kinds
from crm.outreach.plain import Plain, without_members
from crm.outreach.queries import ActionFilter, actions
from crm.outreach.window_rules import CLOSED
from crm.targets.models import ContactPoint, Target

#: Targets named in a row; the rest is a number.
NAMED = 3
#: Rows that are soon fetched and sorted.
FEW = 10_000
#: How far beyond the page rows are counted where counting is dear.
AHEAD = 950
_NO_ID = 2**31 - 1


@dataclass(frozen=True)
class Entry:
    """An action as a row of a list."""

    id: int
    channel: Channel
    #: "150 postcards"
    what: str
    happened_on: date
    until: date | None
    place: str | None
    campaign: str
    campaign_slug: str
    #: The first name: a list is read by everybody.
    logged_by: str | None
    chapters: str
    #: "Capito, Justice, Miller, …": the first few; empty where there is no target.
    names: str
    #: "5 targets", where not all are named.
    counted: str
    #: How many targets have answered.
    answers: int


def page_of_entries(wanted: ActionFilter, *, number: int, size: int = SIZE) -> Page:
    """One page of the list, newest first: seven statements at most."""
    ids = _page_of_ids(wanted, number=number, size=size)
    return Page(
        rows=entries(ids.rows),
        number=ids.number,
        size=ids.size,
        total=ids.total,
        capped=ids.capped,
    )


def newest(wanted: ActionFilter, limit: int) -> list[Entry]:
    """The newest entries: three statements where one index has them."""
    direct = _direct(wanted)
    found = direct if direct is not None else _looked_for(wanted)
    ids = found.limit(limit).subquery()
    rows = _rows_of(select(ids.c[0])).order_by(Action.happened_on.desc(), Action.id.desc())
    return _told(db.session.execute(rows).all(), with_targets=True)


def entries(action_ids: Sequence[int], *, with_targets: bool = True) -> list[Entry]:
    """The entries of these actions, in their order: three statements, two without targets."""
    if not action_ids:
        return []
    told = _told(db.session.execute(_rows_of(action_ids)).all(), with_targets=with_targets)
    found = {entry.id: entry for entry in told}
    return [found[action_id] for action_id in action_ids if action_id in found]


def _rows_of(action_ids: Any) -> Select[Any]:
    """What entries say of these actions, or of those a statement finds."""
    return (
        select(
            Action.id,
            Action.channel,
            Action.pieces,
            Action.happened_on,
            Action.until,
            Action.place,
            Campaign.name,
            Campaign.slug,
            User.name,
            _target_count(),
            _answer_count(),
        )
        .join(Campaign, Campaign.id == Action.campaign_id)
        .outerjoin(User, User.id == Action.logged_by_id)
        .where(Action.id.in_(action_ids))
    )


def _told(rows: Sequence[Any], *, with_targets: bool) -> list[Entry]:
    action_ids = [row[0] for row in rows]
    if not action_ids:
        return []
    named = _named_targets(action_ids) if with_targets else {}
    where = _chapter_names(action_ids)
    ways = channels()
    # The words of a number are made once each: a class's batches are much alike.
    what = cache(lambda channel, pieces: ways[channel].count(pieces))
    counted = cache(lambda number: ngettext("%(num)s target", "%(num)s targets", number))
    return [
        Entry(
            id=action_id,
            channel=ways[channel],
            what=what(channel, pieces),
            happened_on=day,
            until=until,
            place=place,
            campaign=campaign,
            campaign_slug=slug,
            logged_by=first_name(by) if by else None,
            chapters=", ".join(where.get(action_id, ())),
            names=", ".join(named.get(action_id, ())) + (", …" if count > NAMED else ""),
            counted=counted(count) if count > NAMED else "",
            answers=answers,
        )
        for (
            action_id, channel, pieces, day, until, place, campaign, slug, by, count, answers,
        ) in rows
    ]  # fmt: skip


def _page_of_ids(wanted: ActionFilter, *, number: int, size: int) -> Page:
    direct = _direct(wanted)
    if direct is not None:
        return page_of(direct, number=number, size=size)
    # Counting what has to be looked for costs as much as finding it: count a little ahead only.
    ceiling = min(CEILING, number * size + AHEAD)
    found = _looked_for(wanted)
    some = found.order_by(None).limit(ceiling + 1).subquery()
    total = db.session.scalar(select(func.count()).select_from(some)) or 0
    capped, total = total > ceiling, min(total, ceiling)
    number = min(number, max(1, -(-total // size)))
    rows = db.session.scalars(found.limit(size).offset((number - 1) * size)).all()
    return Page(rows=rows, number=number, size=size, total=total, capped=capped)


def _direct(wanted: ActionFilter) -> Any:
    """The ids in order from one index, where one index has them."""
    if wanted.target_id is not None:
        return _by_target(wanted, wanted.target_id)
    if wanted.chapter_ids is not None and len(wanted.chapter_ids) == 1:
        return _by_chapter(wanted, next(iter(wanted.chapter_ids)))
    if wanted.chapter_ids is None and not wanted.narrows_targets:
        return actions(wanted).with_only_columns(Action.id)
    return None


def _looked_for(wanted: ActionFilter) -> Any:
    """The ids in order, where each action has to be asked about its targets or chapters.

    Where few rows are meant, they are fetched and sorted; where they are many, going through the
    actions from the newest finds enough of them soon.
    """
    newest_first = (Action.happened_on.desc(), Action.id.desc())
    if wanted.narrows_targets:
        few = select(ActionTarget.action_id).where(*wanted.of_targets())
        if _are_few(few):
            return select(Action.id).where(Action.id.in_(few)).order_by(*newest_first)
    if wanted.chapter_ids:
        few = select(ActionChapter.action_id).where(
            ActionChapter.chapter_id.in_(wanted.chapter_ids)
        )
        if _are_few(few):
            rest = wanted.with_(chapter_ids=None).of_actions()
            return select(Action.id).where(Action.id.in_(few), *rest).order_by(*newest_first)
    return actions(wanted).with_only_columns(Action.id)


def _are_few(rows: Any) -> bool:
    some = rows.limit(FEW + 1).subquery()
    return (db.session.scalar(select(func.count()).select_from(some)) or 0) <= FEW


def _by_target(wanted: ActionFilter, target_id: int) -> Any:
    # The rows of an undone action are gone, so nothing needs to be asked of the action.
    return (
        select(ActionTarget.action_id, ActionTarget.happened_on)
        .where(ActionTarget.target_id == target_id, *wanted.of_targets())
        .order_by(ActionTarget.happened_on.desc(), ActionTarget.action_id.desc())
    )


def _by_chapter(wanted: ActionFilter, chapter_id: int) -> Any:
    found = (
        select(ActionChapter.action_id, ActionChapter.happened_on)
        .where(ActionChapter.chapter_id == chapter_id)
        .order_by(ActionChapter.happened_on.desc(), ActionChapter.action_id.desc())
    )
    if wanted.since is not None:
        found = found.where(ActionChapter.happened_on >= wanted.since)
    if wanted.until is not None:
        found = found.where(ActionChapter.happened_on <= wanted.until)
    rest = wanted.with_(chapter_ids=None, since=None, until=None)
    if rest == ActionFilter():
        return found
    return found.join(Action, Action.id == ActionChapter.action_id).where(*rest.of_actions())


def _target_count() -> Any:
    """How many targets an action reached, as a column beside it."""
    return (
        select(func.count())
        .where(ActionTarget.action_id == Action.id)
        .correlate(Action)
        .scalar_subquery()
    )


def _answer_count() -> Any:
    """How many of them answered."""
    return (
        select(func.count(func.distinct(Outcome.action_target_id)))
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(ActionTarget.action_id == Action.id)
        .correlate(Action)
        .scalar_subquery()
    )


def _named_targets(action_ids: Collection[int]) -> dict[int, list[str]]:
    """The first targets of each action."""
    other = aliased(ActionTarget)
    last = (
        select(other.target_id)
        .where(other.action_id == Action.id)
        .order_by(other.target_id)
        .offset(NAMED - 1)
        .limit(1)
        .correlate(Action)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Action.id, Target.name, Target.family_name)
        .join(ActionTarget, ActionTarget.action_id == Action.id)
        .join(Target, Target.id == ActionTarget.target_id)
        .where(
            Action.id.in_(action_ids),
            ActionTarget.target_id <= func.coalesce(last, _NO_ID),
        )
        .order_by(Action.id, Target.sort_name)
    )
    found: dict[int, list[str]] = {}
    for action_id, name, family_name in rows:
        found.setdefault(action_id, []).append(family_name or name)
    return found


def _chapter_names(action_ids: Collection[int]) -> dict[int, list[str]]:
    rows = db.session.execute(
        select(ActionChapter.action_id, Chapter.name)
        .join(Chapter, Chapter.id == ActionChapter.chapter_id)
        .where(ActionChapter.action_id.in_(action_ids))
        .order_by(ActionChapter.action_id, Chapter.name)
    )
    found: dict[int, list[str]] = {}
    for action_id, name in rows:
        found.setdefault(action_id, []).append(name)
    return found


# What waits for an answer


@dataclass(frozen=True)
class Waiting:
    """One target of one action that has not answered."""

    action_target_id: int
    action_id: int
    target_id: int
    target: str
    what: str
    channel: Channel
    happened_on: date
    days: int
    campaign: str
    campaign_slug: str
    chapter_ids: tuple[int, ...] = ()
    #: When its leader is asked next, and how often that was done.
    ask_on: date | None = None
    asked: int = 0
    closed_on: date | None = None
    closed_why: str | None = None


def waiting_rows(
    *,
    campaign_id: int | None = None,
    chapter_ids: frozenset[int] | None = None,
    closed: bool = False,
) -> Select[Any]:
    """What waits, oldest first: ids to hand to `waiting`. Or what was `closed` without an answer,
    the last first.
    """
    if closed:
        answered = select(Outcome.id).where(Outcome.action_target_id == ActionTarget.id)
        found = (
            select(ActionTarget.id)
            .where(ActionTarget.closed_on.is_not(None), ~answered.exists())
            .order_by(ActionTarget.closed_on.desc(), ActionTarget.id.desc())
        )
    else:
        found = (
            select(ActionTarget.id)
            .where(ActionTarget.awaiting.is_(True))
            .order_by(ActionTarget.happened_on, ActionTarget.id)
        )
    if campaign_id is not None:
        found = found.where(ActionTarget.campaign_id == campaign_id)
    if chapter_ids is not None:
        theirs = select(ActionChapter.action_id).where(
            ActionChapter.action_id == ActionTarget.action_id,
            ActionChapter.chapter_id.in_(chapter_ids),
        )
        found = found.where(theirs.exists())
    return found


def waiting(
    action_target_ids: Sequence[int] | Select[int], *, today: date, with_chapters: bool = True
) -> list[Waiting]:
    """These rows in their order: one statement, and one for the chapters that took part.

    Of a statement that finds them, the longest ago first.
    """
    if isinstance(action_target_ids, Select):
        # A limit may not stand within IN on every database, but within a table there.
        wanted: Any = select(action_target_ids.subquery().c.id)
    elif action_target_ids:
        wanted = action_target_ids
    else:
        return []
    rows = db.session.execute(
        select(
            ActionTarget.id,
            ActionTarget.action_id,
            ActionTarget.target_id,
            Target.name,
            ActionTarget.channel,
            ActionTarget.pieces,
            ActionTarget.happened_on,
            Campaign.name,
            Campaign.slug,
            ActionTarget.ask_on,
            ActionTarget.asked,
            ActionTarget.closed_on,
            ActionTarget.closed_why,
        )
        .join(Target, Target.id == ActionTarget.target_id)
        .join(Campaign, Campaign.id == ActionTarget.campaign_id)
        .where(ActionTarget.id.in_(wanted))
    ).all()
    theirs = _chapters_of({row[1] for row in rows}) if with_chapters else {}
    ways = channels()
    found = {
        row_id: Waiting(
            action_target_id=row_id,
            action_id=action_id,
            target_id=target_id,
            target=name,
            what=ways[channel].count(pieces),
            channel=ways[channel],
            happened_on=day,
            days=(today - day).days,
            campaign=campaign,
            campaign_slug=slug,
            chapter_ids=tuple(theirs.get(action_id, ())),
            ask_on=ask_on,
            asked=asked,
            closed_on=closed_on,
            closed_why=str(CLOSED.get(why, why)) if why else None,
        )
        for (
            row_id, action_id, target_id, name, channel, pieces, day, campaign, slug,
            ask_on, asked, closed_on, why,
        ) in rows
    }  # fmt: skip
    if isinstance(action_target_ids, Select):
        return sorted(found.values(), key=lambda each: (each.happened_on, each.action_target_id))
    return [found[row_id] for row_id in action_target_ids if row_id in found]


def _chapters_of(action_ids: Collection[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for action_id, chapter_id in db.session.execute(
        select(ActionChapter.action_id, ActionChapter.chapter_id).where(
            ActionChapter.action_id.in_(action_ids)
        )
    ):
        found.setdefault(action_id, []).append(chapter_id)
    return found


# A target's time line and sums


@dataclass(frozen=True)
class Answer:
    """An outcome as it is shown."""

    id: int
    kind: OutcomeKind
    received_on: date
    summary: str | None
    scan: str | None
    recorded_by: str | None
    #: Of what came back undeliverable: the address it had been sent to.
    address: str | None = None
    #: Whom it came to, of those who wrote; named by whoever shows it, as its reader may know them.
    member_id: int | None = None
    to: str | None = None
    #: Papers that came with it: id and how it was called.
    files: Sequence[tuple[int, str]] = ()


@dataclass(frozen=True)
class Sum:
    """What reached a target over one channel for one campaign."""

    channel: Channel
    campaign: str
    campaign_slug: str
    actions: int
    pieces: int
    last_on: date


def sums_of_target(target_id: int) -> list[Sum]:
    """By channel and campaign, one index read."""
    totals = (
        select(
            ActionTarget.channel,
            ActionTarget.campaign_id,
            func.count().label("actions"),
            func.sum(ActionTarget.pieces).label("pieces"),
            func.max(ActionTarget.happened_on).label("last_on"),
        )
        .where(ActionTarget.target_id == target_id)
        .group_by(ActionTarget.channel, ActionTarget.campaign_id)
        .subquery()
    )
    rows = db.session.execute(
        select(totals, Campaign.name, Campaign.slug)
        .join(Campaign, Campaign.id == totals.c.campaign_id)
        .order_by(Campaign.name, Campaign.id)
    )
    ways = channels()
    found = [
        Sum(ways[channel], name, slug, count, pieces, last_on)
        for channel, _campaign, count, pieces, last_on, name, slug in rows
    ]
    return sorted(found, key=lambda each: each.channel.order)


@dataclass(frozen=True)
class Reach:
    """One entry of a target's time line: the action, its pieces for this target, its answers."""

    entry: Entry
    pieces: int
    what: str
    awaiting: bool
    action_target_id: int
    answers: Sequence[Answer]
    #: Why nobody waits for an answer any longer, where none came.
    closed: str | None = None


def timeline(target_id: int, limit: int, *, to: Viewer) -> list[Reach]:
    """What reached the target, newest first."""
    rows = db.session.execute(
        select(
            ActionTarget.id,
            ActionTarget.action_id,
            ActionTarget.pieces,
            ActionTarget.channel,
            ActionTarget.awaiting,
            ActionTarget.closed_why,
        )
        .where(ActionTarget.target_id == target_id)
        .order_by(ActionTarget.happened_on.desc(), ActionTarget.action_id.desc())
        .limit(limit)
    ).all()
    # Whose page it is needs no naming.
    found = entries([row[1] for row in rows], with_targets=False)
    by_id = {entry.id: entry for entry in found}
    came = answers_to([row[0] for row in rows])
    said = {row[1] for row in rows if any(each.summary for each in came[row[0]])}
    plain = without_members(said, to=to) if said else Plain()
    ways = channels()
    return [
        Reach(
            by_id[action_id],
            pieces,
            ways[channel].count(pieces),
            awaiting,
            row_id,
            in_plain_words(came[row_id], plain),
            closed=str(CLOSED.get(why, why)) if why and not came[row_id] else None,
        )
        for row_id, action_id, pieces, channel, awaiting, why in rows
    ]


def in_plain_words(answers: Sequence[Answer], plain: Plain) -> list[Answer]:
    """The answers, their summaries without the names `plain` takes out."""
    return [replace(each, summary=plain.maybe(each.summary)) for each in answers]


def answers_to(action_target_ids: Sequence[int]) -> dict[int, list[Answer]]:
    """What came back to each of these rows, the earliest first, as typed: one statement."""
    found: dict[int, list[Answer]] = {row_id: [] for row_id in action_target_ids}
    if not found:
        return found
    kinds = outcome_kinds()
    rows = db.session.execute(
        select(
            Outcome.action_target_id,
            Outcome.id,
            Outcome.kind,
            Outcome.received_on,
            Outcome.summary,
            Outcome.scan,
            User.name,
            ContactPoint.label,
            Outcome.member_id,
        )
        .outerjoin(User, User.id == Outcome.recorded_by_id)
        .outerjoin(ContactPoint, ContactPoint.id == Outcome.contact_point_id)
        .where(Outcome.action_target_id.in_(action_target_ids))
        .order_by(Outcome.received_on, Outcome.id)
    )
    for row_id, outcome_id, kind, received_on, summary, scan, name, address, member_id in rows:
        found[row_id].append(
            Answer(outcome_id, kinds[kind], received_on, summary, scan, name, address, member_id)
        )
    return found


def with_files(answers: Mapping[int, Sequence[Answer]]) -> dict[int, list[Answer]]:
    """The same with the papers that came with them: one statement."""
    ids = [each.id for some in answers.values() for each in some]
    papers: dict[int, list[tuple[int, str]]] = {}
    if ids:
        for outcome_id, file_id, name in db.session.execute(
            select(OutcomeFile.outcome_id, OutcomeFile.id, OutcomeFile.name)
            .where(OutcomeFile.outcome_id.in_(ids))
            .order_by(OutcomeFile.id)
        ):
            papers.setdefault(outcome_id, []).append((file_id, name))
    return {
        row_id: [replace(each, files=papers.get(each.id, ())) for each in some]
        for row_id, some in answers.items()
    }
