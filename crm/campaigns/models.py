"""Campaigns: what we want of whom, by when, and which chapters own it."""

from datetime import date, datetime

from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.core import db
from crm.members.models import Chapter

campaign_chapter = Table(
    "campaign_chapter",
    db.metadata,
    Column("campaign_id", ForeignKey("campaign.id"), primary_key=True),
    Column("chapter_id", ForeignKey("chapter.id"), primary_key=True, index=True),
)


class Campaign(db.Model):
    """`name` is for staff, `title` for the public."""

    __tablename__ = "campaign"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    title: Mapped[str | None]
    summary: Mapped[str | None]
    description: Mapped[str | None]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[datetime] = mapped_column(default=db.now)

    lead: Mapped[User | None] = relationship(lazy="raise")
    chapters: Mapped[list[Chapter]] = relationship(secondary=campaign_chapter, lazy="raise")
    asks: Mapped[list["Ask"]] = relationship(
        back_populates="campaign", lazy="raise", order_by="Ask.position"
    )
    goals: Mapped[list["Goal"]] = relationship(
        back_populates="campaign", lazy="raise", order_by="Goal.due_on"
    )


class Ask(db.Model):
    """What we want of a target: join the treaty, co-sponsor, meet us."""

    __tablename__ = "ask"

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    text: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)

    campaign: Mapped[Campaign] = relationship(back_populates="asks", lazy="raise")


class Goal(db.Model):
    """A number to reach by a day: 150 postcards by 31 March. Without a channel, of all kinds."""

    __tablename__ = "goal"

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    channel: Mapped[str | None]
    number: Mapped[int]
    due_on: Mapped[date | None]
    source: Mapped[str | None]

    campaign: Mapped[Campaign] = relationship(back_populates="goals", lazy="raise")


class CampaignTarget(db.Model):
    """A target on the campaign's list."""

    __tablename__ = "campaign_target"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True, index=True)
