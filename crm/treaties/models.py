"""The ledger of treaties: what states did, when, and who says so. Nothing in it is changed.

Status, counts and deadlines are computed for a date from these rows; none is stored.
"""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.core import db
from crm.targets.models import Target


class TreatyEvent(db.Model):
    """One step of one state. A correction is a new row that names the row it replaces.

    A row of kind `retraction` replaces another by nothing: that should never have been entered.
    """

    __tablename__ = "treaty_event"
    __table_args__ = (Index(None, "treaty", "target_id", "happened_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: MBT | CCM, of `instruments.INSTRUMENTS`.
    treaty: Mapped[str]
    #: The government.
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), index=True)
    #: One of `rules.KINDS`.
    kind: Mapped[str]
    #: The day of it; where that is not known, the first day on which a source shows it done.
    happened_on: Mapped[date]
    day_known: Mapped[bool] = mapped_column(default=True)
    #: An extension: asked or granted until this day.
    until: Mapped[date | None]
    #: The article concerned, of extensions and declarations: `4`, `5`.
    article: Mapped[str | None]
    #: The calendar year a transparency report covers.
    year: Mapped[int | None]
    source: Mapped[str]
    link: Mapped[str | None]
    note: Mapped[str | None]
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("treaty_event.id"), unique=True)
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"), index=True)
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    entered_at: Mapped[datetime] = mapped_column(default=db.now)

    target: Mapped[Target] = relationship(lazy="raise")
    entered_by: Mapped[User | None] = relationship(lazy="raise")


class TreatyMeeting(db.Model):
    """A Meeting of States Parties, a Review Conference, and what is held around them."""

    __tablename__ = "treaty_meeting"
    __table_args__ = (UniqueConstraint("treaty", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    treaty: Mapped[str]
    #: Short and unique within the treaty: `18MSP`, `2RevCon`.
    key: Mapped[str]
    name: Mapped[str]
    #: meeting | review conference | special meeting | amendment conference | intersessional |
    #: preparatory
    kind: Mapped[str]

    dates: Mapped[list["TreatyMeetingDate"]] = relationship(
        lazy="raise", order_by="TreatyMeetingDate.id"
    )


class TreatyMeetingDate(db.Model):
    """When and where a meeting is held. A change of plan is a new row: the last one holds."""

    __tablename__ = "treaty_meeting_date"

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("treaty_meeting.id"), index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    place: Mapped[str | None]
    #: in person | online | hybrid
    mode: Mapped[str] = mapped_column(default="in person")
    note: Mapped[str | None]
    source: Mapped[str]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    entered_at: Mapped[datetime] = mapped_column(default=db.now)


class TreatyAttendance(db.Model):
    """A state that took part in a meeting, and as what: party | signatory | observer."""

    __tablename__ = "treaty_attendance"

    meeting_id: Mapped[int] = mapped_column(ForeignKey("treaty_meeting.id"), primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True, index=True)
    capacity: Mapped[str]
    source: Mapped[str | None]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    entered_at: Mapped[datetime] = mapped_column(default=db.now)

    meeting: Mapped[TreatyMeeting] = relationship(lazy="raise")
