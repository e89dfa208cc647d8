"""Volunteers, the chapters they belong to, and the roles users hold in chapters."""

import secrets
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    delete,
    event,
    insert,
    inspect,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.imports import ImportRun as ImportRun
from crm.accounts.models import User
from crm.core import db

#: Letters and digits of codes people read aloud: without I, L, O and U.
CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_code(length: int = 8) -> str:
    """Letters and digits that nobody guesses and everybody can read aloud."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(length))


def new_pseudonym() -> str:
    """What a member is called in files that name nobody: `M-7K2QX9RB`."""
    return f"M-{new_code()}"


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
    #: Where letters of its members are answered to: a school's or an office's, never a home.
    address: Mapped[str | None]
    founded_on: Mapped[date | None]
    closed_on: Mapped[date | None]

    parent: Mapped["Chapter | None"] = relationship(remote_side=[id], lazy="raise")

    @property
    def depth(self) -> int:
        """How far below the root, for indentation; 0 for a root."""
        return self.path.count("/") - 2


class Member(db.Model):
    """A volunteer: needs only a given name and a chapter. E-mail need not be unique.

    A member who was forgotten keeps the row, without a name, so that counts stay; one who was
    merged into another keeps it for the way back.
    """

    __tablename__ = "member"
    __table_args__ = (
        # Of the few that were merged: a list of all others must not begin from it.
        Index(
            "ix_member_merged",
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: What files that name nobody call the member; the same in each.
    pseudonym: Mapped[str] = mapped_column(unique=True, default=new_pseudonym)
    given_name: Mapped[str]
    family_name: Mapped[str | None]
    #: Folded "family given", from `rules.search_key`: what search and sort look at.
    search: Mapped[str] = mapped_column(index=True)
    email: Mapped[str | None]
    phone: Mapped[str | None]
    #: The year the school year of graduation ends in.
    graduation_year: Mapped[int | None]
    #: One of `rules.AgeBand`; never a day of birth.
    age_band: Mapped[str] = mapped_column(default="unknown")
    #: When somebody last said so.
    age_band_on: Mapped[date | None]
    #: Where the member lives. A minor's is never printed.
    address: Mapped[str | None]
    postal_code: Mapped[str | None]
    note: Mapped[str | None]
    #: `CustomField.key` → value, as `fields.kept` writes it.
    custom: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), unique=True)
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"), index=True)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    forgotten_at: Mapped[datetime | None]
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


# Names, word by word


class MemberWord(db.Model):
    """A word of a member's folded name: search reads this index and not every name.

    Written by whatever writes `Member.search` (`_write_words`); an import writes both in bulk.
    """

    __tablename__ = "member_word"
    __audited__ = False

    #: Compared byte by byte, so that words that begin alike lie together on every database.
    word: Mapped[str] = mapped_column(
        String().with_variant(String(collation="C"), "postgresql"), primary_key=True
    )
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)


def words_of(search: str) -> list[str]:
    """The words of a folded name, each once."""
    return list(dict.fromkeys(search.split()))


@event.listens_for(Member, "after_insert")
@event.listens_for(Member, "after_update")
def _write_words(_mapper: Any, connection: Connection, member: Member) -> None:
    history = inspect(member).attrs.search.history
    if not history.has_changes():
        return
    table = MemberWord.__table__
    if history.deleted:
        connection.execute(delete(MemberWord).where(MemberWord.member_id == member.id))
    if words := words_of(member.search):
        connection.execute(
            insert(table),  # type: ignore[arg-type]
            [{"word": word, "member_id": member.id} for word in words],
        )


# What is known beside the name


class Tag(db.Model):
    """A skill, interest or language of members."""

    __tablename__ = "tag"
    __table_args__ = (UniqueConstraint("kind", "search"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: skill | interest | language
    kind: Mapped[str]
    name: Mapped[str]
    #: The folded name: two that differ by case or accents are one.
    search: Mapped[str]


class MemberTag(db.Model):
    """A member has a tag."""

    __tablename__ = "member_tag"

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id"), primary_key=True, index=True)

    tag: Mapped[Tag] = relationship(lazy="raise")


class Team(db.Model):
    """Members of a chapter (and those below it) who do something together."""

    __tablename__ = "team"
    __table_args__ = (UniqueConstraint("chapter_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapter.id"))
    name: Mapped[str]
    about: Mapped[str | None]
    closed_on: Mapped[date | None]

    chapter: Mapped[Chapter] = relationship(lazy="raise")


class TeamMember(db.Model):
    """A member on a team; `part` is what they do there."""

    __tablename__ = "team_member"

    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)
    part: Mapped[str | None]

    team: Mapped[Team] = relationship(lazy="raise")


class CustomField(db.Model):
    """A field of members that an administrator defined; values lie in `Member.custom`."""

    __tablename__ = "custom_field"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Under which values are kept; never changes.
    key: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    #: text | number | choice | date
    kind: Mapped[str]
    choices: Mapped[list[str]] = mapped_column(JSON, default=list)
    help: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)
    #: Not asked any more; what was answered is kept.
    retired_on: Mapped[date | None]


# Guardians and consent


class Guardian(db.Model):
    """A parent or whoever else decides for a minor; may have several children here."""

    __tablename__ = "guardian"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    search: Mapped[str] = mapped_column(index=True)
    email: Mapped[str | None]
    phone: Mapped[str | None]
    #: The language they are written to in.
    language: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=db.now)


class Guardianship(db.Model):
    """A guardian of a member."""

    __tablename__ = "guardianship"

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    guardian_id: Mapped[int] = mapped_column(
        ForeignKey("guardian.id"), primary_key=True, index=True
    )
    #: mother, father, aunt … in their own words.
    relation: Mapped[str | None]

    guardian: Mapped[Guardian] = relationship(lazy="raise")


class ConsentRequest(db.Model):
    """A link to a guardian (or to a member who is grown up), to say yes or no by: used once."""

    __tablename__ = "consent_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    #: Who is asked; the member without one.
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("guardian.id"), index=True)
    #: SHA-256 of the link's secret part, which is kept nowhere.
    token_hash: Mapped[str] = mapped_column(unique=True, info=db.SECRET)
    purposes: Mapped[list[str]] = mapped_column(JSON)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime] = mapped_column(default=db.now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    #: The name that was typed as a signature.
    signed_as: Mapped[str | None]
    revoked_at: Mapped[datetime | None]

    member: Mapped[Member] = relationship(lazy="raise")
    guardian: Mapped[Guardian | None] = relationship(lazy="raise")


class Consent(db.Model):
    """What somebody said for a member to one purpose. Never changed but by `withdrawn_on`."""

    __tablename__ = "consent"
    __table_args__ = (Index(None, "member_id", "purpose"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    #: One of `consent_rules.Purpose`.
    purpose: Mapped[str]
    #: Who said it; the member themself without one.
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("guardian.id"), index=True)
    #: given | refused
    answer: Mapped[str]
    #: paper | link | in person
    how: Mapped[str]
    starts_on: Mapped[date]
    #: The last day; None until it is withdrawn.
    ends_on: Mapped[date | None]
    #: From this day on it holds no more.
    withdrawn_on: Mapped[date | None]
    #: A scan of the signed paper: name of a kept file.
    scan: Mapped[str | None]
    request_id: Mapped[int | None] = mapped_column(ForeignKey("consent_request.id"))
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=db.now)

    guardian: Mapped[Guardian | None] = relationship(lazy="raise")


# Ways in and out


class MemberKey(db.Model):
    """A link or a printed code by which a member opens their own page without an account."""

    __tablename__ = "member_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    #: link | card
    kind: Mapped[str]
    #: SHA-256 of the code, which is kept nowhere.
    code_hash: Mapped[str] = mapped_column(unique=True, info=db.SECRET)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime] = mapped_column(default=db.now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class Departure(db.Model):
    """Something that left with members in it by name: a file, a letter, a card.

    Whoever withdraws a consent is told what has left already.
    """

    __tablename__ = "departure"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=db.now)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    #: One of `disclosure.Exit`.
    exit: Mapped[str]
    #: In words: `Activity by member, CSV`.
    what: Mapped[str]
    reason: Mapped[str | None]


class DepartureMember(db.Model):
    """A member whose name was in it."""

    __tablename__ = "departure_member"

    departure_id: Mapped[int] = mapped_column(ForeignKey("departure.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)


# Two who are one


class MemberMerge(db.Model):
    """Two members found to be one. `moved` says which rows went where, for the way back."""

    __tablename__ = "member_merge"

    id: Mapped[int] = mapped_column(primary_key=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    merged_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=db.now)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    moved: Mapped[dict[str, Any]] = mapped_column(JSON)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    kept: Mapped[Member] = relationship(lazy="raise", foreign_keys=[kept_id])
    merged: Mapped[Member] = relationship(lazy="raise", foreign_keys=[merged_id])


class MemberApart(db.Model):
    """Two who look alike and are not one: the pair is not proposed again. `a_id < b_id`."""

    __tablename__ = "member_apart"

    a_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    b_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime] = mapped_column(default=db.now)
