"""What is written to targets: texts in versions and languages, and how targets are addressed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import db
from crm.members.models import Chapter
from crm.targets.models import Target


class Text(db.Model):
    """A letter, postcard, script … that is sent or said many times. Its words are versions."""

    __tablename__ = "text"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    #: One of `texts.kinds`.
    kind: Mapped[str]
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"), index=True)
    #: Whose it is, and who may write it with the chapters above; None: of the whole coalition.
    chapter_id: Mapped[int | None] = mapped_column(ForeignKey("chapter.id"), index=True)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime] = mapped_column(default=db.now)
    #: Not offered any more; what was made of it stays.
    retired_at: Mapped[datetime | None]

    campaign: Mapped[Campaign | None] = relationship(lazy="raise")
    chapter: Mapped[Chapter | None] = relationship(lazy="raise")
    versions: Mapped[list["TextVersion"]] = relationship(
        back_populates="text", lazy="raise", order_by="TextVersion.id"
    )


class TextVersion(db.Model):
    """The words of a text in one language. Never changed: writing again makes the next number.

    The highest approved number of a language is what prints.
    """

    __tablename__ = "text_version"
    __table_args__ = (UniqueConstraint("text_id", "language", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    text_id: Mapped[int] = mapped_column(ForeignKey("text.id"))
    #: BCP 47: `en`, `pt-BR`.
    language: Mapped[str]
    number: Mapped[int]
    #: Of e-mails and letters.
    subject: Mapped[str | None]
    #: With `((fields))`, as `texts.rules` reads them.
    body: Mapped[str]
    #: The text's own fields, as `texts.own_fields` reads them: key, label, kind, most, choices.
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    #: What was changed, in the writer's words.
    note: Mapped[str | None]
    written_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    written_at: Mapped[datetime] = mapped_column(default=db.now)
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    approved_at: Mapped[datetime | None]
    #: The live figures as they were approved: name → value, label, on, source.
    figures: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    text: Mapped[Text] = relationship(back_populates="versions", lazy="raise")
    written_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[written_by_id])
    approved_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[approved_by_id])


class AddressForm(db.Model):
    """How one target is addressed in a language, where the usual form is not theirs."""

    __tablename__ = "address_form"

    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    #: First line of the address: `The Honorable Ann Alpha`.
    envelope: Mapped[str | None]
    #: `Dear Senator Alpha`, without the comma.
    salutation: Mapped[str | None]
    #: `Respectfully`, without the comma.
    closing: Mapped[str | None]
    set_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    set_at: Mapped[datetime] = mapped_column(default=db.now)

    target: Mapped[Target] = relationship(lazy="raise")
