"""What is kept of reports: who has which mailed to them."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.core import db


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
