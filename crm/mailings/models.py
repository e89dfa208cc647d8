"""Packs: a text for targets, shared out to members piece by piece, on its way to the post."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import db
from crm.members.models import Chapter, Member, new_code
from crm.outreach.models import Action
from crm.targets.models import ContactPoint, Target, Term
from crm.tasks.models import Task
from crm.texts.models import Text, TextVersion

#: Letters of a pack's code.
CODE_LENGTH = 7


class Mailing(db.Model):
    """A pack: what is written, for which campaign, by which chapter, until when."""

    __tablename__ = "mailing"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: What is scanned or typed when it is posted. It names nobody.
    code: Mapped[str] = mapped_column(unique=True, default=lambda: new_code(CODE_LENGTH))
    name: Mapped[str]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    #: Whose members write it.
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapter.id"), index=True)
    text_id: Mapped[int] = mapped_column(ForeignKey("text.id"), index=True)
    #: postcard | letter | …: the channel its outreach is logged in.
    channel: Mapped[str]
    language: Mapped[str] = mapped_column(default="en")
    #: When it is to be written, or posted by.
    planned_on: Mapped[date]
    place: Mapped[str | None]
    #: What the text's own fields say in this pack, by key.
    values: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: How it was allotted, as `allotment` reads it.
    allotted: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: Minutes one piece takes, for service hours.
    minutes_each: Mapped[int | None]
    #: Postage of one piece in hundredths of the money that is paid with.
    postage_each: Mapped[int | None]
    #: The picture side of postcards: name of a kept picture, and what it shows.
    picture: Mapped[str | None]
    picture_shows: Mapped[str | None]
    #: What follows once it is posted, as `Task.then`.
    then: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    #: Of the form that made it; a repeat finds the pack the first one made.
    client_key: Mapped[str] = mapped_column(unique=True)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime] = mapped_column(default=db.now)
    #: Given up, or put away: nothing of it is prepared or posted any more.
    closed_at: Mapped[datetime | None]

    @property
    def code_written(self) -> str:
        """The code as people read it, on paper, on screen and aloud: `7K2-QX9R`."""
        return f"{self.code[:3]}-{self.code[3:]}"

    campaign: Mapped[Campaign] = relationship(lazy="raise")
    chapter: Mapped[Chapter] = relationship(lazy="raise")
    text: Mapped[Text] = relationship(lazy="raise")
    made_by: Mapped[User | None] = relationship(lazy="raise")


class Posting(db.Model):
    """A time some pieces of a pack were posted, and the outreach that was logged for it."""

    __tablename__ = "posting"
    __table_args__ = (UniqueConstraint("mailing_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    number: Mapped[int]
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), index=True)
    #: The key of the action too.
    client_key: Mapped[str] = mapped_column(unique=True)
    posted_on: Mapped[date]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime] = mapped_column(default=db.now)

    mailing: Mapped[Mailing] = relationship(lazy="raise")
    action: Mapped[Action] = relationship(lazy="raise")
    by: Mapped[User | None] = relationship(lazy="raise")


class Piece(db.Model):
    """One card or letter of a pack: to one target, by one member or by nobody yet (the pool)."""

    __tablename__ = "piece"
    __table_args__ = (
        UniqueConstraint("mailing_id", "number"),
        Index("ix_piece_state", "mailing_id", "state", "number"),
        Index("ix_piece_target", "target_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    #: Its place in the pack.
    number: Mapped[int]
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"))
    #: What the target held when the pack was made; who holds nothing any more gets no letter.
    term_id: Mapped[int | None] = mapped_column(ForeignKey("term.id"), index=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    #: to-prepare | prepared | posted
    state: Mapped[str] = mapped_column(default="to-prepare")
    #: The words it was printed with.
    version_id: Mapped[int | None] = mapped_column(ForeignKey("text_version.id"), index=True)
    #: The address as it was printed, by lines, and where it came from.
    address: Mapped[list[str] | None] = mapped_column(JSON)
    contact_point_id: Mapped[int | None] = mapped_column(ForeignKey("contact_point.id"))
    #: How often it was printed. No print counts as outreach.
    prints: Mapped[int] = mapped_column(default=0)
    printed_at: Mapped[datetime | None]
    posting_id: Mapped[int | None] = mapped_column(ForeignKey("posting.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"), index=True)

    mailing: Mapped[Mailing] = relationship(lazy="raise")
    target: Mapped[Target] = relationship(lazy="raise")
    term: Mapped[Term | None] = relationship(lazy="raise")
    member: Mapped[Member | None] = relationship(lazy="raise")
    version: Mapped[TextVersion | None] = relationship(lazy="raise")
    contact_point: Mapped[ContactPoint | None] = relationship(lazy="raise")
    posting: Mapped[Posting | None] = relationship(lazy="raise")
    task: Mapped[Task | None] = relationship(lazy="raise")


class MemberLetter(db.Model):
    """A text sent to many members by e-mail, some a minute."""

    __tablename__ = "member_letter"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: In addresses, and the batch of its messages. It names nobody.
    code: Mapped[str] = mapped_column(unique=True, default=lambda: new_code(CODE_LENGTH))
    name: Mapped[str]
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapter.id"), index=True)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"), index=True)
    text_id: Mapped[int] = mapped_column(ForeignKey("text.id"), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("text_version.id"))
    #: The filter of the list of members, as its address has it.
    chosen: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: What the text's own fields say in it, by key.
    values: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: Messages a minute at most.
    rate: Mapped[int] = mapped_column(default=30)
    #: sending | paused | stopped | done
    state: Mapped[str] = mapped_column(default="sending")
    client_key: Mapped[str] = mapped_column(unique=True)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime] = mapped_column(default=db.now)
    ended_at: Mapped[datetime | None]

    chapter: Mapped[Chapter] = relationship(lazy="raise")
    text: Mapped[Text] = relationship(lazy="raise")
    made_by: Mapped[User | None] = relationship(lazy="raise")


class MemberLetterRow(db.Model):
    """One member's letter, and what became of it."""

    __tablename__ = "member_letter_row"
    # How far it is, a few times a minute; that it was sent is recorded of the letter.
    __audited__ = False
    __table_args__ = (
        UniqueConstraint("letter_id", "member_id"),
        Index("ix_member_letter_row_next", "letter_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    letter_id: Mapped[int] = mapped_column(ForeignKey("member_letter.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    #: to-send | queued | sent | withheld | failed
    state: Mapped[str] = mapped_column(default="to-send")
    why: Mapped[str | None]
    #: Of its row in the outbox.
    outgoing_id: Mapped[int | None]
