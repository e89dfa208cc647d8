"""What is known of addresses and of what comes back. Addresses are kept as digests alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import db


class MailChoice(db.Model):
    """How one kind of message is to reach one address; absent: as everybody else has it."""

    __tablename__ = "mail_choice"
    __audited__ = False

    #: Digest of the address in small letters.
    recipient: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    #: mail | digest | here
    how: Mapped[str]
    chosen_at: Mapped[datetime] = mapped_column(default=db.now)


class MailFailure(db.Model):
    """An address whose mail came back."""

    __tablename__ = "mail_failure"
    __audited__ = False

    #: Digest of the address in small letters.
    recipient: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(default=db.now)
    #: The server's status and nobody's name: `5.1.1`.
    status: Mapped[str | None]
    #: Nothing is written to it from this moment on; None: it may have been a full box.
    bad_since: Mapped[datetime | None]


class IncomingMail(db.Model):
    """A message that came to us: a bounce, or a target's reply that somebody forwarded."""

    __tablename__ = "incoming_mail"
    __table_args__ = (Index("ix_incoming_mail_open", "state", "kind", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Of the message as it came: the same one twice is one.
    digest: Mapped[str] = mapped_column(unique=True)
    came_at: Mapped[datetime] = mapped_column(default=db.now)
    #: bounce | reply | unknown
    kind: Mapped[str]
    #: waiting | done | refused | put-away
    state: Mapped[str] = mapped_column(default="waiting")
    #: Why it was refused, or what became of it: a sentence.
    told: Mapped[str | None]
    #: Who sent it to us, as the message says; nobody has proved it.
    sender: Mapped[str | None]
    subject: Mapped[str | None]
    text: Mapped[str | None]
    #: The code of a pack, if it names one.
    code: Mapped[str | None]
    #: What came with it: `{"file": "….pdf", "name": "reply.pdf", "bytes": 1200}`, and what was left
    #: out: `{"name": "all.zip", "why": "…"}`.
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)


class WorkerSeen(db.Model):
    """A worker that is, or was, at work."""

    __tablename__ = "worker_seen"
    __audited__ = False

    name: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(default=db.now)
    seen_at: Mapped[datetime] = mapped_column(default=db.now)
    stopped_at: Mapped[datetime | None]
