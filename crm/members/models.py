"""Volunteers, the chapters they belong to, and the roles users hold in chapters."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.core import db


class Chapter(db.Model):
    """A node of the tree network → national → state → school.

    `path` lists the ids from the root to itself, `/1/4/9/`: all below a chapter start with its
    path. It is set when the id is known, so it is unique but for the moment of making.
    """

    __tablename__ = "chapter"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("chapter.id"), index=True)
    path: Mapped[str] = mapped_column(index=True)
    place: Mapped[str | None]
    founded_on: Mapped[date | None]
    closed_on: Mapped[date | None]

    parent: Mapped["Chapter | None"] = relationship(remote_side=[id], lazy="raise")

    @property
    def depth(self) -> int:
        """How far below the root, for indentation; 0 for a root."""
        return self.path.count("/") - 2


class Member(db.Model):
    """A volunteer: needs only a given name and a chapter. E-mail need not be unique."""

    __tablename__ = "member"

    id: Mapped[int] = mapped_column(primary_key=True)
    given_name: Mapped[str]
    family_name: Mapped[str | None]
    #: Folded "family given", from `rules.search_key`: what search and sort look at.
    search: Mapped[str] = mapped_column(index=True)
    email: Mapped[str | None]
    phone: Mapped[str | None]
    #: The year the school year of graduation ends in.
    graduation_year: Mapped[int | None]
    note: Mapped[str | None]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=db.now)

    memberships: Mapped[list["Membership"]] = relationship(back_populates="member", lazy="raise")

    @property
    def full_name(self) -> str:
        """Given and family name. Pages do not print this: they ask `members.disclosure`."""
        return f"{self.given_name} {self.family_name}" if self.family_name else self.given_name


class Membership(db.Model):
    """A member in a chapter from a day until another; open while `left_on` is empty."""

    __tablename__ = "membership"
    __table_args__ = (Index(None, "chapter_id", "member_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapter.id"))
    joined_on: Mapped[date | None]
    left_on: Mapped[date | None]

    member: Mapped[Member] = relationship(back_populates="memberships", lazy="raise")
    chapter: Mapped[Chapter] = relationship(lazy="raise")


class ChapterRole(db.Model):
    """A user's role in a chapter and all below it; without a chapter, everywhere."""

    __tablename__ = "chapter_role"
    __table_args__ = (UniqueConstraint("user_id", "chapter_id", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    chapter_id: Mapped[int | None] = mapped_column(ForeignKey("chapter.id"), index=True)
    role: Mapped[str]

    user: Mapped[User] = relationship(lazy="raise")
    chapter: Mapped[Chapter | None] = relationship(lazy="raise")
