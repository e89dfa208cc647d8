"""What is kept of reports: mailed to whom, saved, frozen, shown to the public."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import db
from crm.members.models import Chapter, new_code


class ReportSubscription(db.Model):
    """A report with its filters that is mailed to somebody by the clock."""

    __tablename__ = "report_subscription"
    __table_args__ = (UniqueConstraint("user_id", "report", "query"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    #: The report's name in addresses.
    report: Mapped[str]
    #: Its filters, as its address has them, without a period.
    query: Mapped[str] = mapped_column(default="")
    #: week | month
    every: Mapped[str] = mapped_column(default="month")
    made_at: Mapped[datetime] = mapped_column(default=db.now)
    last_on: Mapped[date | None]

    user: Mapped[User] = relationship(lazy="raise")


class SavedReport(db.Model):
    """A report with its filters under a name, and who may open it by its link."""

    __tablename__ = "saved_report"
    __table_args__ = (Index("ix_saved_report_owner", "owner_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: In its link.
    code: Mapped[str] = mapped_column(unique=True, default=new_code)
    name: Mapped[str]
    #: The report's name in addresses; `explorer` and `progress` are reports here too.
    report: Mapped[str]
    #: Its filters as its address has them; a period that moves is `period=`.
    query: Mapped[str] = mapped_column(default="")
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    #: me | chapter | all: of those who may see reports.
    shared: Mapped[str] = mapped_column(default="me")
    #: Of one shared with a chapter: it and those below.
    chapter_id: Mapped[int | None] = mapped_column(ForeignKey("chapter.id"), index=True)
    made_at: Mapped[datetime] = mapped_column(default=db.now)

    owner: Mapped[User] = relationship(lazy="raise")
    chapter: Mapped[Chapter | None] = relationship(lazy="raise")


class FrozenReport(db.Model):
    """What a report said, word for word, for good. The database refuses to change it.

    `content` is the canonical JSON whose SHA-256 is `digest`.
    """

    __tablename__ = "frozen_report"
    __table_args__ = (Index("ix_frozen_report_report", "report", "frozen_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: What people cite: `F-7K2QX9RB`.
    code: Mapped[str] = mapped_column(unique=True, default=lambda: f"F-{new_code()}")
    report: Mapped[str]
    title: Mapped[str]
    #: Its filters as its address has them, the days of its period written out.
    query: Mapped[str] = mapped_column(default="")
    #: The day whose knowledge it tells.
    as_of: Mapped[date]
    frozen_at: Mapped[datetime] = mapped_column(default=db.now)
    frozen_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reason: Mapped[str | None]
    code_version: Mapped[str]
    locale: Mapped[str]
    #: The chapters its maker saw members of; None: all. Who sees fewer may not open what tells of
    #: members.
    sees: Mapped[list[int] | None] = mapped_column(JSON)
    shows_people: Mapped[bool] = mapped_column(default=False)
    digest: Mapped[str]
    content: Mapped[str]

    frozen_by: Mapped[User | None] = relationship(lazy="raise")


class PublicCounter(db.Model):
    """A number of a campaign that it shows on its own site: numbers only, no sign-in."""

    __tablename__ = "public_counter"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: In its address.
    code: Mapped[str] = mapped_column(unique=True, default=new_code)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    #: What it says above the number.
    title: Mapped[str]
    #: What is counted and up to what: `{"channel": …}`, `{"figure": …}`, `{"goal": …}`.
    asked: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    on: Mapped[bool] = mapped_column(default=True)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime] = mapped_column(default=db.now)

    campaign: Mapped[Campaign] = relationship(lazy="raise")
