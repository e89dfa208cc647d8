"""Where targets stand on asks, on any date: read, recorded, withdrawn.

Entries are added and never changed. The one that holds on a day is the last seen until then that
is not withdrawn; of two seen on one day the later entered.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, Subquery, func, select, update
from sqlalchemy.orm import aliased, joinedload

from crm.accounts.models import User
from crm.campaigns import rules
from crm.campaigns.evidence import evidence
from crm.campaigns.models import Ask, Campaign, CampaignTarget, Position, campaign_chapter
from crm.campaigns.queries import is_running
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.targets.models import Target


@dataclass(frozen=True)
class Standing:
    """How many of a campaign's targets stand where on one ask."""

    ask_id: int
    ask: str
    #: Champions first, as `rules.SUPPORTS`.
    counts: Mapping[int, int]
    unknown: int

    @property
    def known(self) -> int:
        """Targets of which a position is known."""
        return sum(self.counts.values())

    @property
    def parts(self) -> list[tuple[str, Any, int]]:
        """What the picture is made of: class, words and number of each step, champions first."""
        return [
            *(
                (f"stand-{str(support).replace('-', 'm')}", rules.SUPPORTS[support], number)
                for support, number in self.counts.items()
            ),
            ("track", _("No position known"), self.unknown),
        ]

    @property
    def key(self) -> list[tuple[str, Any, int, str]]:
        """The parts that are not empty, each with what the list's filter calls it."""
        called = [*map(str, self.counts), "unknown"]
        return [(*part, each) for part, each in zip(self.parts, called, strict=True) if part[2]]


@dataclass(frozen=True)
class Asked:
    """An ask as something to choose."""

    id: int
    text: str
    campaign_slug: str
    campaign: str


# Read


def holding(on: date, *asked: ColumnElement[bool]) -> Subquery:
    """Ids of the entries that hold on a day, one a target and ask; `asked` narrows the entries."""
    place = func.row_number().over(
        partition_by=(Position.target_id, Position.ask_id),
        order_by=(Position.seen_on.desc(), Position.id.desc()),
    )
    ranked = (
        select(Position.id, Position.target_id, Position.ask_id, Position.support, place.label("n"))
        .where(Position.withdrawn_at.is_(None), Position.seen_on <= on, *asked)
        .subquery()
    )
    return select(ranked).where(ranked.c.n == 1).subquery("holding")


def position_on(
    target_ids: Collection[int], ask_ids: Collection[int] | None, on: date
) -> dict[tuple[int, int], Position]:
    """The entry that holds on a day by (target, ask), with its ask; all asks for None.

    One statement. Targets and asks nothing is known of are absent.
    """
    asked = [Position.target_id.in_(set(target_ids))]
    if ask_ids is not None:
        asked.append(Position.ask_id.in_(set(ask_ids)))
    held = holding(on, *asked)
    rows = db.session.scalars(
        select(Position)
        .join(held, held.c.id == Position.id)
        .options(joinedload(Position.ask).joinedload(Ask.campaign))
    )
    return {(each.target_id, each.ask_id): each for each in rows}


def positions_of(target_id: int) -> Sequence[Position]:
    """All entries on a target, withdrawn ones too, the last seen first. One statement."""
    return db.session.scalars(
        _told(select(Position))
        .where(Position.target_id == target_id)
        .order_by(Position.seen_on.desc(), Position.id.desc())
    ).all()


def position(position_id: int) -> Position:
    """One entry with its target, ask, campaign and author. Raises `NoResultFound`."""
    return db.session.scalars(_told(select(Position)).where(Position.id == position_id)).one()


def _told(statement: Select[Any]) -> Select[Any]:
    return statement.options(
        joinedload(Position.target),
        joinedload(Position.author),
        joinedload(Position.ask).joinedload(Ask.campaign),
    )


def withdrawals(position_ids: Collection[int]) -> dict[int, str]:
    """Why entries were withdrawn, as the audit kept it. One statement, none without ids."""
    if not position_ids:
        return {}
    rows = db.session.execute(
        select(AuditEntry.record_id, AuditEntry.changes).where(
            AuditEntry.kind == "position",
            AuditEntry.verb == "withdraw_position",
            AuditEntry.record_id.in_(position_ids),
        )
    )
    return {record_id: str(changes.get("reason") or "") for record_id, changes in rows}


def standings(campaign_id: int, asks: Sequence[Ask], on: date) -> list[Standing]:
    """How a campaign's targets stand on each of its asks on a day: one statement."""
    listed = select(CampaignTarget.target_id).where(CampaignTarget.campaign_id == campaign_id)
    held = holding(
        on, Position.ask_id.in_([ask.id for ask in asks]), Position.target_id.in_(listed)
    )
    total = select(func.count()).where(CampaignTarget.campaign_id == campaign_id).scalar_subquery()
    rows = db.session.execute(
        select(held.c.ask_id, held.c.support, func.count(), total).group_by(
            held.c.ask_id, held.c.support
        )
    ).all()
    found: dict[int, dict[int, int]] = {}
    for ask_id, support, number, _total in rows:
        found.setdefault(ask_id, {})[support] = number
    targets = rows[0][3] if rows else 0
    return [
        Standing(
            ask.id,
            ask.text,
            {support: found.get(ask.id, {}).get(support, 0) for support in rules.SUPPORTS},
            targets - sum(found.get(ask.id, {}).values()),
        )
        for ask in asks
    ]


def by_position(
    campaign_id: int, ask_id: int, on: date, *, support: int | None = None, unknown: bool = False
) -> Select[Any]:
    """A campaign's targets with the entry that holds on an ask: (Target, Position or None).

    Champions first, those nothing is known of last; `support` or `unknown` narrows.
    """
    held = holding(on, Position.ask_id == ask_id)
    entry = aliased(Position)
    statement: Any = (
        select(Target, entry)
        .join(CampaignTarget, CampaignTarget.target_id == Target.id)
        .outerjoin(held, held.c.target_id == Target.id)
        .outerjoin(entry, entry.id == held.c.id)
        .where(CampaignTarget.campaign_id == campaign_id)
        .order_by(entry.support.is_(None), entry.support.desc(), Target.sort_name, Target.id)
    )
    if support is not None:
        return statement.where(entry.support == support)
    return statement.where(entry.id.is_(None)) if unknown else statement


def asks_for(target_id: int) -> list[Asked]:
    """What can be asked of a target: of campaigns that list it first, then of all others."""
    is_listed = (
        select(CampaignTarget.campaign_id)
        .where(CampaignTarget.campaign_id == Campaign.id, CampaignTarget.target_id == target_id)
        .exists()
    )
    rows = db.session.execute(
        select(Ask.id, Ask.text, Campaign.slug, Campaign.name)
        .join(Campaign, Campaign.id == Ask.campaign_id)
        .order_by(is_listed.desc(), Campaign.starts_on.desc(), Campaign.id, Ask.position, Ask.id)
    )
    return [Asked(*row) for row in rows]


def asks_on(target_id: int, on: date) -> list[Asked]:
    """What campaigns that run on a day and list the target ask of it."""
    rows = db.session.execute(
        select(Ask.id, Ask.text, Campaign.slug, Campaign.name)
        .join(Campaign, Campaign.id == Ask.campaign_id)
        .join(CampaignTarget, CampaignTarget.campaign_id == Campaign.id)
        .where(CampaignTarget.target_id == target_id, is_running(on))
        .order_by(Campaign.name, Campaign.id, Ask.position, Ask.id)
    )
    return [Asked(*row) for row in rows]


def owners(campaign_ids: Collection[int]) -> dict[int, set[int]]:
    """Ids of the chapters that own each campaign: one statement."""
    found: dict[int, set[int]] = {}
    for campaign_id, chapter_id in db.session.execute(
        select(campaign_chapter.c.campaign_id, campaign_chapter.c.chapter_id).where(
            campaign_chapter.c.campaign_id.in_(set(campaign_ids))
        )
    ):
        found.setdefault(campaign_id, set()).add(chapter_id)
    return found


# Write


def record_position(
    *,
    target_id: int,
    ask_id: int,
    support: int,
    confidence: str,
    seen_on: date,
    evidence_text: str | None = None,
    link: str | None = None,
    scan: str | None = None,
    action_id: int | None = None,
    by: User | None,
    today: date,
) -> Position:
    """Add an entry. The very same again is not kept twice. Raises `Refused`."""
    rules.check_position(
        support=support,
        confidence=confidence,
        seen_on=seen_on,
        link=link or None,
        has_evidence=bool(evidence_text or link or scan or action_id),
        today=today,
    )
    merged = db.session.execute(select(Target.merged_into_id).where(Target.id == target_id)).one()
    if merged[0] is not None:
        raise Refused(_("This target was merged into another. Record it there."))
    if db.session.get(Ask, ask_id) is None:
        raise Refused(_("This ask is not there any more."), "ask_id")
    facts: dict[str, Any] = {
        "target_id": target_id,
        "ask_id": ask_id,
        "support": support,
        "confidence": confidence,
        "seen_on": seen_on,
        "evidence": evidence_text or None,
        "link": link or None,
    }
    author_id = by.id if by else None
    # A form sent twice; its scan is another file of the same picture.
    db.take_turn(f"position-{target_id}-{ask_id}")
    same = db.session.scalars(
        select(Position)
        .filter_by(**facts, author_id=author_id)
        .where(Position.withdrawn_at.is_(None))
    ).first()
    if same is not None:
        return same
    entry = Position(**facts, scan=scan, author_id=author_id)
    db.session.add(entry)
    db.session.flush()
    if action_id is not None:
        evidence().keep(entry.id, target_id, action_id)
    audit.record(
        "record_position",
        "position",
        entry.id,
        by=by,
        changes={**facts, "scan": scan, "action_id": action_id},
    )
    return entry


def withdraw_position(entry: Position, *, reason: str, by: User | None) -> None:
    """Take back an entry that should not be there: it holds on no day, and stays to be read.

    Raises `Refused` without a reason, or for somebody who may not.
    """
    if not may_withdraw(entry, by):
        raise Refused(_("Who recorded it and the chapters of its campaign may withdraw it."))
    if not reason:
        raise Refused(_("Say why it is withdrawn."), "reason")
    # One of two who withdraw at once writes.
    done = db.session.execute(
        update(Position)
        .where(Position.id == entry.id, Position.withdrawn_at.is_(None))
        .values(withdrawn_at=db.now(), withdrawn_by_id=by.id if by else None)
        .returning(Position.id)
    ).first()
    if done is None:
        raise Refused(_("This was withdrawn already."))
    audit.record("withdraw_position", "position", entry.id, by=by, changes={"reason": reason})
    db.session.expire(entry)


def may_withdraw(entry: Position, by: User | None) -> bool:
    """Whether `by` may: their own entries, and those on asks of their chapters' campaigns."""
    return bool(withdrawable([entry], by))


def withdrawable(entries: Collection[Position], by: User | None) -> set[int]:
    """Ids of those of the entries that `by` may withdraw; their asks are loaded."""
    if by is None:
        return {entry.id for entry in entries}
    if not access.may(by, Can.RECORD_POSITIONS):
        return set()
    theirs = owners({entry.ask.campaign_id for entry in entries})
    scope = access.scope(by, Can.RECORD_POSITIONS)
    return {
        entry.id
        for entry in entries
        if entry.author_id == by.id or scope.includes(*theirs.get(entry.ask.campaign_id, ()))
    }
