"""Campaigns: what we want of whom, by when, which chapters own it, and where targets stand."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.core import db
from crm.members.models import Chapter
from crm.targets.models import Target

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
    #: Where paper goes, where a target has both: `capital` or `district`.
    paper_to: Mapped[str] = mapped_column(default="capital", server_default="capital")
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
    """A number to reach by a day: 150 postcards by 31 March, 130 States Parties by 2020.

    With a `figure` (`ccm.joined`) it is read from the treaty ledger; else it counts a channel's
    outreach, or of all kinds.
    """

    __tablename__ = "goal"

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    channel: Mapped[str | None]
    figure: Mapped[str | None]
    number: Mapped[int]
    due_on: Mapped[date | None]
    source: Mapped[str | None]

    campaign: Mapped[Campaign] = relationship(back_populates="goals", lazy="raise")


class CampaignTarget(db.Model):
    """A target on the campaign's list."""

    __tablename__ = "campaign_target"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True, index=True)


class CampaignContact(db.Model):
    """Where this campaign writes to a target, where it chose one address itself."""

    __tablename__ = "campaign_contact"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True, index=True)
    contact_point_id: Mapped[int] = mapped_column(ForeignKey("contact_point.id"), index=True)


class Position(db.Model):
    """Where a target stands on an ask, as seen on a day. Entries are added, never changed.

    The one valid on a date is the last that is not withdrawn.
    """

    __tablename__ = "position"
    __table_args__ = (
        CheckConstraint("support BETWEEN -2 AND 2", name="support"),
        Index("ix_position_standing", "target_id", "ask_id", "seen_on", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"))
    ask_id: Mapped[int] = mapped_column(ForeignKey("ask.id"), index=True)
    seen_on: Mapped[date]
    #: −2 strong opponent, −1 opponent, 0 undecided, 1 supporter, 2 champion.
    support: Mapped[int]
    #: low | medium | high
    confidence: Mapped[str]
    #: What showed it, in words; a link and a picture may go with it.
    evidence: Mapped[str | None]
    link: Mapped[str | None]
    scan: Mapped[str | None]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    entered_at: Mapped[datetime] = mapped_column(default=db.now)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    target: Mapped[Target] = relationship(lazy="raise")
    ask: Mapped[Ask] = relationship(lazy="raise")
    author: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[author_id])


objective_campaign = Table(
    "objective_campaign",
    db.metadata,
    Column("objective_id", ForeignKey("objective.id"), primary_key=True),
    Column("campaign_id", ForeignKey("campaign.id"), primary_key=True, index=True),
)


class Strategy(db.Model):
    """What an organisation set out to reach over some years: goals, objectives, indicators."""

    __tablename__ = "strategy"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    summary: Mapped[str | None]
    #: Whose it is; it is seen by all who see campaigns, and changed by who may change theirs.
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapter.id"), index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    #: When and by whom it was approved, and where the document is.
    approved_on: Mapped[date | None]
    approved_by: Mapped[str | None]
    document: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=db.now)

    chapter: Mapped[Chapter] = relationship(lazy="raise")
    goals: Mapped[list["StrategyGoal"]] = relationship(
        back_populates="strategy", lazy="raise", order_by="StrategyGoal.position"
    )


class StrategyGoal(db.Model):
    """A goal of a strategy: `I`, and what is to be."""

    __tablename__ = "strategy_goal"

    id: Mapped[int] = mapped_column(primary_key=True)
    strategy_id: Mapped[int] = mapped_column(ForeignKey("strategy.id"), index=True)
    code: Mapped[str]
    text: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)

    strategy: Mapped[Strategy] = relationship(back_populates="goals", lazy="raise")
    objectives: Mapped[list["Objective"]] = relationship(
        back_populates="goal", lazy="raise", order_by="Objective.position"
    )


class Objective(db.Model):
    """A step towards a goal: `1a`; campaigns work for it."""

    __tablename__ = "objective"

    id: Mapped[int] = mapped_column(primary_key=True)
    goal_id: Mapped[int] = mapped_column(ForeignKey("strategy_goal.id"), index=True)
    code: Mapped[str]
    text: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)

    goal: Mapped[StrategyGoal] = relationship(back_populates="objectives", lazy="raise")
    campaigns: Mapped[list[Campaign]] = relationship(secondary=objective_campaign, lazy="raise")
    indicators: Mapped[list["Indicator"]] = relationship(
        back_populates="objective", lazy="raise", order_by="Indicator.position"
    )


class Indicator(db.Model):
    """What an objective is measured by: counted by the system, or entered with a source."""

    __tablename__ = "indicator"

    id: Mapped[int] = mapped_column(primary_key=True)
    objective_id: Mapped[int] = mapped_column(ForeignKey("objective.id"), index=True)
    text: Mapped[str]
    #: `postcards`, `States Parties`, `%`.
    unit: Mapped[str | None]
    #: Which count of `indicators` answers it; None: it is entered.
    count: Mapped[str | None]
    #: What that count is asked with: a campaign, a channel, a figure.
    asked: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    #: Whether less is better.
    falls: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)

    objective: Mapped[Objective] = relationship(back_populates="indicators", lazy="raise")
    values: Mapped[list["IndicatorValue"]] = relationship(
        back_populates="indicator", lazy="raise", order_by="IndicatorValue.on"
    )


class IndicatorValue(db.Model):
    """A baseline, a target or an actual value on a date. Added, never changed; may be withdrawn.

    Several targets of one indicator are its milestones.
    """

    __tablename__ = "indicator_value"
    __table_args__ = (Index("ix_indicator_value_on", "indicator_id", "kind", "on", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    indicator_id: Mapped[int] = mapped_column(ForeignKey("indicator.id"))
    #: baseline | target | actual
    kind: Mapped[str]
    on: Mapped[date]
    value: Mapped[float]
    source: Mapped[str | None]
    link: Mapped[str | None]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    entered_at: Mapped[datetime] = mapped_column(default=db.now)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    indicator: Mapped[Indicator] = relationship(back_populates="values", lazy="raise")
