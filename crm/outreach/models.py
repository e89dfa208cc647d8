"""What was done, to whom, by whom, and what came back. The counting rule lives in `rules`.

Undone actions keep their row and lose their targets, members and chapters (a revision keeps
those), so no sum can meet them.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.campaigns.models import Ask, Campaign
from crm.core import db
from crm.members.models import Chapter, Member
from crm.targets.models import Target, Term

action_ask = Table(
    "action_ask",
    db.metadata,
    Column("action_id", ForeignKey("action.id"), primary_key=True),
    Column("ask_id", ForeignKey("ask.id"), primary_key=True, index=True),
)


class Action(db.Model):
    """One thing done. `pieces` is what was done: 150 cards, or 1 meeting."""

    __tablename__ = "action"
    __table_args__ = (
        CheckConstraint("pieces >= 1", name="pieces"),
        CheckConstraint("unnamed >= 0 AND unnamed <= pieces", name="unnamed"),
        CheckConstraint("until IS NULL OR until >= happened_on", name="period"),
        Index("ix_action_newest", "happened_on", "id"),
        Index("ix_action_campaign", "campaign_id", "happened_on", "channel", "pieces", "undone_at"),
        Index("ix_action_channel", "channel", "happened_on", "pieces", "undone_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    happened_on: Mapped[date]
    #: Last day, of work over several days.
    until: Mapped[date | None]
    place: Mapped[str | None]
    pieces: Mapped[int]
    #: Pieces nobody is named for: the unnamed tally.
    unnamed: Mapped[int] = mapped_column(default=0)
    #: How many people took part, named or not; None when nobody counted.
    people: Mapped[int | None]
    #: Minutes of work of everybody together.
    minutes: Mapped[int | None]
    note: Mapped[str | None]
    #: What only this channel asks: a link, a phone call's result, an audience.
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: form | import | api | demo …
    origin: Mapped[str] = mapped_column(default="form")
    #: Made by the client once a form; a repeat finds the action it made.
    client_key: Mapped[str] = mapped_column(unique=True)
    logged_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    logged_at: Mapped[datetime] = mapped_column(default=db.now)
    undone_at: Mapped[datetime | None]

    campaign: Mapped[Campaign] = relationship(lazy="raise")
    logged_by: Mapped[User | None] = relationship(lazy="raise")
    chapters: Mapped[list["ActionChapter"]] = relationship(lazy="raise")
    targets: Mapped[list["ActionTarget"]] = relationship(back_populates="action", lazy="raise")
    members: Mapped[list["ActionMember"]] = relationship(back_populates="action", lazy="raise")
    asks: Mapped[list[Ask]] = relationship(secondary=action_ask, lazy="raise")
    photos: Mapped[list["ActionPhoto"]] = relationship(lazy="raise")


class ActionChapter(db.Model):
    """A chapter that did the action; several when it was joint work.

    `happened_on` repeats the action's, so that a chapter's list is one index read.
    """

    __tablename__ = "action_chapter"
    __table_args__ = (Index("ix_action_chapter_newest", "chapter_id", "happened_on", "action_id"),)

    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), primary_key=True)
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapter.id"), primary_key=True)
    happened_on: Mapped[date]

    chapter: Mapped[Chapter] = relationship(lazy="raise")


class ActionTarget(db.Model):
    """What reached one target, and the term (post and party) it held that day.

    `channel`, `campaign_id` and `happened_on` repeat the action's: a target's page and the report
    per target then read one index and not a million actions. One function writes both.
    """

    __tablename__ = "action_target"
    __table_args__ = (
        UniqueConstraint("action_id", "target_id"),
        CheckConstraint("pieces >= 1", name="pieces"),
        Index("ix_action_target_newest", "target_id", "happened_on", "action_id"),
        Index(
            "ix_action_target_totals",
            "target_id", "channel", "campaign_id", "happened_on", "pieces", "action_id",
        ),
        # The same by the post held: a term's sums, and its actions once each, are one read of it.
        Index(
            "ix_action_target_term",
            "term_id", "channel", "campaign_id", "happened_on", "pieces", "action_id",
        ),
        Index("ix_action_target_awaiting", "awaiting", "happened_on", "id"),
        Index("ix_action_target_ask", "awaiting", "ask_on", "id"),
        Index("ix_action_target_closed", "closed_on", "id"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"))
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"))
    term_id: Mapped[int | None] = mapped_column(ForeignKey("term.id"))
    pieces: Mapped[int]
    channel: Mapped[str]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    happened_on: Mapped[date]
    #: The channel expects an answer and none is recorded.
    awaiting: Mapped[bool] = mapped_column(default=False)
    #: When its leader is asked next whether anything came back.
    ask_on: Mapped[date | None]
    #: How often that was asked.
    asked: Mapped[int] = mapped_column(default=0, server_default="0")
    #: The day somebody said, since it was asked, that nothing had come yet.
    said_on: Mapped[date | None]
    #: The kind of address it went to (`windows.ADDRESSES`), as known when it was logged.
    went_to: Mapped[str | None]
    #: The day nobody waited any longer, and why: `no answer`, `left office`.
    closed_on: Mapped[date | None]
    closed_why: Mapped[str | None]

    action: Mapped[Action] = relationship(back_populates="targets", lazy="raise")
    target: Mapped[Target] = relationship(lazy="raise")
    term: Mapped[Term | None] = relationship(lazy="raise")
    outcomes: Mapped[list["Outcome"]] = relationship(
        back_populates="action_target", lazy="raise", order_by="Outcome.received_on"
    )


class ActionMember(db.Model):
    """A member's part in an action."""

    __tablename__ = "action_member"
    __table_args__ = (UniqueConstraint("action_id", "member_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    pieces: Mapped[int]
    minutes: Mapped[int | None]
    #: writer | leader | speaker | note-taker …
    role: Mapped[str | None]

    action: Mapped[Action] = relationship(back_populates="members", lazy="raise")
    member: Mapped[Member] = relationship(lazy="raise")


class ActionPhoto(db.Model):
    """A picture of what was done: the pile of cards, the class."""

    __tablename__ = "action_photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), index=True)
    file: Mapped[str]
    #: Whom it lets people recognise: `nobody`, or the `members` who took part.
    shows: Mapped[str] = mapped_column(default="members")
    added_at: Mapped[datetime] = mapped_column(default=db.now)


class ActionRevision(db.Model):
    """What an action was before a correction or an undo."""

    __tablename__ = "action_revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), index=True)
    #: correct | undo | redo
    verb: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=db.now)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reason: Mapped[str | None]
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSON)

    by: Mapped[User | None] = relationship(lazy="raise")


class Outcome(db.Model):
    """What came back from one target of an action."""

    __tablename__ = "outcome"
    __table_args__ = (Index(None, "received_on", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    action_target_id: Mapped[int] = mapped_column(ForeignKey("action_target.id"), index=True)
    kind: Mapped[str]
    received_on: Mapped[date]
    summary: Mapped[str | None]
    scan: Mapped[str | None]
    #: The address that what came back undeliverable had been sent to.
    contact_point_id: Mapped[int | None] = mapped_column(ForeignKey("contact_point.id"))
    #: Who it came to, of those who wrote.
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    #: Of the form that ticked it, with its place there: sent again, it is not kept twice.
    client_key: Mapped[str | None] = mapped_column(unique=True)
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=db.now)

    action_target: Mapped[ActionTarget] = relationship(back_populates="outcomes", lazy="raise")
    recorded_by: Mapped[User | None] = relationship(lazy="raise")
    files: Mapped[list["OutcomeFile"]] = relationship(lazy="raise")


class OutcomeWithdrawn(db.Model):
    """That an outcome had been recorded, and until when: for reports as of an earlier day."""

    __tablename__ = "outcome_withdrawn"

    id: Mapped[int] = mapped_column(primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), index=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), index=True)
    kind: Mapped[str]
    received_on: Mapped[date]
    recorded_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime] = mapped_column(default=db.now)


class Commitment(db.Model):
    """What a target promised, or we promised to it; kept, broken or open.

    One that came with an outcome goes with it when that is withdrawn.
    """

    __tablename__ = "commitment"
    __table_args__ = (
        Index("ix_commitment_due", "state", "due_on", "id"),
        Index("ix_commitment_target", "target_id", "made_on", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"), index=True)
    #: What it came with.
    outcome_id: Mapped[int | None] = mapped_column(ForeignKey("outcome.id"), index=True)
    #: theirs | ours
    whose: Mapped[str] = mapped_column(default="theirs")
    text: Mapped[str]
    made_on: Mapped[date]
    due_on: Mapped[date | None]
    #: open | kept | broken
    state: Mapped[str] = mapped_column(default="open")
    settled_on: Mapped[date | None]
    #: What showed it.
    evidence: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=db.now)

    target: Mapped[Target] = relationship(lazy="raise")
    campaign: Mapped[Campaign | None] = relationship(lazy="raise")


class OutcomeFile(db.Model):
    """A paper that came with an outcome, beside the scan."""

    __tablename__ = "outcome_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    outcome_id: Mapped[int] = mapped_column(ForeignKey("outcome.id"), index=True)
    file: Mapped[str]
    name: Mapped[str]


class ReplyWindow(db.Model):
    """How many days an answer may take, where it is not as `windows` says."""

    __tablename__ = "reply_window"

    #: The channel, and the kind of address it went to (`windows.ADDRESSES`).
    channel: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    days: Mapped[int]


class PositionEvidence(db.Model):
    """The action that showed where a target stands. It lives above campaigns, so beside both."""

    __tablename__ = "position_evidence"

    position_id: Mapped[int] = mapped_column(ForeignKey("position.id"), primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), index=True)

    action: Mapped[Action] = relationship(lazy="raise")
