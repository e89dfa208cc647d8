"""Who does what by when, in iCalendar's words, and what of it was signed for as service."""

from datetime import date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import db
from crm.members.models import Chapter, Member
from crm.outreach.models import Action
from crm.targets.models import Target
from crm.texts.models import Text


class Task(db.Model):
    """Something to be done by a member; by anybody of the chapter while it lies in the pool; or,
    with neither, by the leader who answers for it.
    """

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint("pieces >= 0 AND done >= 0 AND done <= pieces", name="pieces"),
        CheckConstraint("NOT (in_pool AND member_id IS NOT NULL)", name="pool"),
        Index("ix_task_member", "member_id", "state", "due_on"),
        Index("ix_task_chapter", "chapter_id", "state", "due_on"),
        Index("ix_task_leader", "leader_id", "state", "due_on"),
        Index("ix_task_campaign", "campaign_id", "state", "due_on"),
        Index("ix_task_due", "state", "due_on", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Its name in calendars.
    uid: Mapped[str] = mapped_column(unique=True, default=lambda: uuid4().hex)
    title: Mapped[str]
    note: Mapped[str | None]
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapter.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"))
    #: What doing it logs; None: nothing but the time.
    channel: Mapped[str | None]
    text_id: Mapped[int | None] = mapped_column(ForeignKey("text.id"), index=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    #: Nobody's yet: anybody of the chapter may take it.
    in_pool: Mapped[bool] = mapped_column(default=False)
    #: Who handed it out and answers for it.
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    due_on: Mapped[date | None]
    #: needs-action | in-process | completed | cancelled
    state: Mapped[str] = mapped_column(default="needs-action")
    #: Pieces to do and done: the sums of its targets'. 0 where nothing is counted.
    pieces: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    #: Time spent on a task that logs no outreach.
    minutes: Mapped[int | None]
    #: What help is asked for; None: none.
    help: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: weekly | two-weekly | monthly: finishing it makes the next.
    repeats: Mapped[str | None]
    repeats_until: Mapped[date | None]
    #: What follows once it is done: a list of steps, `{"title": …, "days": 21}`, one after another.
    then: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    #: Of recurring and following tasks: the first one.
    first_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"), index=True)
    #: Which higher room carries it out and logs for it (`pack`); None: the task itself.
    carrier: Mapped[str | None]
    #: hand | list | campaign | pack | follow-up
    origin: Mapped[str] = mapped_column(default="hand")
    #: Of the form that made it, with a number; a repeat finds what the first one made.
    client_key: Mapped[str | None] = mapped_column(unique=True)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime] = mapped_column(default=db.now)

    chapter: Mapped[Chapter] = relationship(lazy="raise")
    campaign: Mapped[Campaign | None] = relationship(lazy="raise")
    text: Mapped[Text | None] = relationship(lazy="raise")
    member: Mapped[Member | None] = relationship(lazy="raise")
    leader: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[leader_id])
    targets: Mapped[list["TaskTarget"]] = relationship(back_populates="task", lazy="raise")


class TaskTarget(db.Model):
    """A target of a task, with pieces to do and done."""

    __tablename__ = "task_target"
    __table_args__ = (CheckConstraint("done >= 0 AND done <= pieces", name="pieces"),)

    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True, index=True)
    pieces: Mapped[int] = mapped_column(default=1)
    done: Mapped[int] = mapped_column(default=0)

    task: Mapped[Task] = relationship(back_populates="targets", lazy="raise")
    target: Mapped[Target] = relationship(lazy="raise")


class TaskAction(db.Model):
    """Outreach that doing a task logged; several where it was done in parts."""

    __tablename__ = "task_action"

    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), primary_key=True, index=True)

    action: Mapped[Action] = relationship(lazy="raise")


class CalendarFeed(db.Model):
    """A secret link by which a calendar program reads somebody's tasks."""

    __tablename__ = "calendar_feed"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    #: SHA-256 of the link's secret part, which is kept nowhere.
    token_hash: Mapped[str] = mapped_column(unique=True, info=db.SECRET)
    made_at: Mapped[datetime] = mapped_column(default=db.now)
    revoked_at: Mapped[datetime | None]


class HoursSigned(db.Model):
    """A supervisor's word that a member spent these minutes, on an action or on a task."""

    __tablename__ = "hours_signed"
    __table_args__ = (
        CheckConstraint("(action_id IS NULL) <> (task_id IS NULL)", name="one_of_two"),
        UniqueConstraint("member_id", "action_id"),
        UniqueConstraint("member_id", "task_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    action_id: Mapped[int | None] = mapped_column(ForeignKey("action.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"), index=True)
    minutes: Mapped[int]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    signed_at: Mapped[datetime] = mapped_column(default=db.now)

    signed_by: Mapped[User | None] = relationship(lazy="raise")
