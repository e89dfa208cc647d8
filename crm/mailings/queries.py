"""Packs asked of the database: one by its code, its pieces, how far they are, lists of packs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, case, cast, func, or_, select
from sqlalchemy.orm import joinedload

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.access import Scope
from crm.mailings.models import Mailing, Piece, Posting
from crm.mailings.rules import Held, State
from crm.members.models import Chapter
from crm.members.queries import in_scope
from crm.members.rules import read_code
from crm.outreach.models import Action
from crm.targets.models import Target, Term


def mailing(code: str, scope: Scope) -> Mailing:
    """The pack of a code, however it was typed, with its campaign, chapter, text and maker.

    Raises `NoResultFound` where there is none in the scope.
    """
    return db.session.scalars(
        _whole().where(Mailing.code == read_code(code), in_scope(Mailing.chapter_id, scope))
    ).one()


def _whole() -> Select[Mailing]:
    return select(Mailing).options(
        joinedload(Mailing.campaign),
        joinedload(Mailing.chapter),
        joinedload(Mailing.text),
        joinedload(Mailing.made_by),
    )


def is_code(code: str, scope: Scope) -> bool:
    """Whether a pack of the scope has the code."""
    found = select(Mailing.id).where(Mailing.code == code, in_scope(Mailing.chapter_id, scope))
    return db.session.scalar(found) is not None


def find_made(client_key: str) -> Mailing | None:
    """The pack a form has made already, if it has."""
    return db.session.scalars(select(Mailing).where(Mailing.client_key == client_key)).one_or_none()


def pieces(mailing_id: int) -> list[Piece]:
    """All pieces in their order, each with its target."""
    return list(
        db.session.scalars(
            select(Piece)
            .where(Piece.mailing_id == mailing_id)
            .options(joinedload(Piece.target))
            .order_by(Piece.number)
        )
    )


def held(mailing_id: int, *states: State) -> list[Held]:
    """The pieces in these states, as far as choosing among them needs it: one statement."""
    rows = db.session.execute(
        select(Piece.id, Piece.number, Piece.target_id, Piece.member_id, Piece.state)
        .where(Piece.mailing_id == mailing_id, Piece.state.in_(states))
        .order_by(Piece.number)
    )
    return [Held(*row) for row in rows]


@dataclass(frozen=True)
class Progress:
    """How many pieces of a pack are in each state."""

    to_prepare: int = 0
    prepared: int = 0
    posted: int = 0
    pool: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.to_prepare + self.prepared + self.posted

    @property
    def unposted(self) -> int:
        """What can be posted yet."""
        return self.to_prepare + self.prepared


def progress(mailing_ids: Collection[int]) -> dict[int, Progress]:
    """By pack, how far its pieces are: one statement for all."""
    rows = db.session.execute(
        select(
            Piece.mailing_id,
            *(func.sum(case((Piece.state == state, 1), else_=0)) for state in State),
            func.sum(
                case(((Piece.member_id.is_(None)) & (Piece.state != State.POSTED), 1), else_=0)
            ),
        )
        .where(Piece.mailing_id.in_(mailing_ids))
        .group_by(Piece.mailing_id)
    )
    found = dict.fromkeys(mailing_ids, Progress())
    found.update((row[0], Progress(*(int(each or 0) for each in row[1:]))) for row in rows)
    return found


@dataclass(frozen=True)
class Row:
    """The pieces of one member (None: the pool), or of one target, by state."""

    id: int | None
    to_prepare: int
    prepared: int
    posted: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.to_prepare + self.prepared + self.posted

    @property
    def unposted(self) -> int:
        """What can be posted yet."""
        return self.to_prepare + self.prepared


def by_member(mailing_id: int) -> list[Row]:
    """The pieces by member, the pool last. One statement."""
    rows = _grouped(mailing_id, Piece.member_id)
    return sorted(rows, key=lambda each: (each.id is None, each.id))


def by_target(mailing_id: int) -> list[Row]:
    """The pieces by target."""
    return _grouped(mailing_id, Piece.target_id)


def _grouped(mailing_id: int, column: Any) -> list[Row]:
    rows = db.session.execute(
        select(
            column,
            *(cast(func.sum(case((Piece.state == state, 1), else_=0)), Integer) for state in State),
        )
        .where(Piece.mailing_id == mailing_id)
        .group_by(column)
    )
    return [Row(*row) for row in rows]


@dataclass(frozen=True)
class Posted:
    """A posting, and what its outreach says today."""

    posting: Posting
    #: Pieces of the pack that were posted so.
    pieces: int
    #: What the outreach counts: None once it is undone.
    counted: int | None
    undone_at: datetime | None

    @property
    def agrees(self) -> bool:
        """Whether the outreach still says what the pack says."""
        return (self.counted or 0) == self.pieces


def postings(mailing_id: int) -> list[Posted]:
    """The postings of a pack in their order: one statement."""
    count = (
        select(func.count())
        .where(Piece.posting_id == Posting.id)
        .correlate(Posting)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Posting, count, Action.pieces, Action.undone_at)
        .join(Action, Action.id == Posting.action_id)
        .where(Posting.mailing_id == mailing_id)
        .options(joinedload(Posting.by))
        .order_by(Posting.number)
    )
    return [
        Posted(posting, number, None if undone_at else counted, undone_at)
        for posting, number, counted, undone_at in rows
    ]


def next_number(mailing_id: int) -> int:
    """The number of the pack's next posting."""
    last = db.session.scalar(
        select(func.max(Posting.number)).where(Posting.mailing_id == mailing_id)
    )
    return (last or 0) + 1


@dataclass(frozen=True, kw_only=True)
class PackFilter:
    """Which packs; what is None does not narrow."""

    campaign: str | None = None
    chapter: str | None = None
    #: open | posted | closed
    state: str | None = None


def packs(wanted: PackFilter, scope: Scope) -> Select[Mailing]:
    """The packs of the scope, the newest first."""
    found = _whole().where(in_scope(Mailing.chapter_id, scope))
    if wanted.campaign:
        found = found.where(
            Mailing.campaign_id.in_(select(Campaign.id).where(Campaign.slug == wanted.campaign))
        )
    if wanted.chapter:
        found = found.where(
            Mailing.chapter_id.in_(select(Chapter.id).where(Chapter.slug == wanted.chapter))
        )
    left = (
        select(Piece.id)
        .where(Piece.mailing_id == Mailing.id, Piece.state != State.POSTED)
        .correlate(Mailing)
        .exists()
    )
    if wanted.state == "closed":
        found = found.where(Mailing.closed_at.is_not(None))
    elif wanted.state == "open":
        found = found.where(Mailing.closed_at.is_(None), left)
    elif wanted.state == "posted":
        found = found.where(Mailing.closed_at.is_(None), ~left)
    return found.order_by(Mailing.made_at.desc(), Mailing.id.desc())


def of_campaign(campaign_id: int, scope: Scope, limit: int) -> Sequence[Mailing]:
    """The newest packs of a campaign."""
    return db.session.scalars(
        packs(PackFilter(), scope).where(Mailing.campaign_id == campaign_id).limit(limit)
    ).all()


def campaigns_with_packs(scope: Scope) -> Sequence[Campaign]:
    """Campaigns that have packs in the scope, by name."""
    return db.session.scalars(
        select(Campaign)
        .where(
            Campaign.id.in_(select(Mailing.campaign_id).where(in_scope(Mailing.chapter_id, scope)))
        )
        .order_by(Campaign.name, Campaign.id)
    ).all()


@dataclass(frozen=True)
class Named:
    """A piece with the name of its target."""

    id: int
    number: int
    member_id: int | None
    state: str
    target: str


def pieces_of(mailing_id: int, member_ids: Collection[int | None]) -> dict[int | None, list[Named]]:
    """The unposted pieces of these members (None: the pool), by member. One statement."""
    named = [each for each in member_ids if each is not None]
    theirs: ColumnElement[bool] = Piece.member_id.in_(named)
    if None in member_ids:
        theirs = or_(theirs, Piece.member_id.is_(None))
    found: dict[int | None, list[Named]] = {each: [] for each in member_ids}
    for row in db.session.execute(
        select(Piece.id, Piece.number, Piece.member_id, Piece.state, Target.name)
        .join(Target, Target.id == Piece.target_id)
        .where(Piece.mailing_id == mailing_id, Piece.state != State.POSTED, theirs)
        .order_by(Piece.number)
    ):
        found[row[2]].append(Named(*row))
    return found


def gone_targets(mailing_id: int) -> dict[int, str]:
    """Targets of unposted pieces that do not hold any more what they held: id → name."""
    rows = db.session.execute(
        select(Target.id, Target.name)
        .join(Piece, Piece.target_id == Target.id)
        .join(Term, Term.id == Piece.term_id)
        .where(
            Piece.mailing_id == mailing_id,
            Piece.state != State.POSTED,
            Term.is_current.is_(False),
        )
        .distinct()
        .order_by(Target.name)
    )
    return {target_id: name for target_id, name in rows}  # noqa: C416
