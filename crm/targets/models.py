"""Whom we want to move, in Popolo's terms: people and governments, posts in bodies, terms.

A post (Senator for West Virginia, class 2) stays; who holds it has a term. Every fact says where
it came from.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.accounts.models import User
from crm.core import db


class Target(db.Model):
    """A legislator, official, government, body or company. People have name parts."""

    __tablename__ = "target"
    __table_args__ = (Index(None, "kind", "sort_name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    sort_name: Mapped[str] = mapped_column(index=True)
    #: Folded name, nickname and office: what search looks at.
    search: Mapped[str]
    given_name: Mapped[str | None]
    family_name: Mapped[str | None]
    additional_name: Mapped[str | None]
    suffix: Mapped[str | None]
    nickname: Mapped[str | None]
    salutation: Mapped[str | None]
    gender: Mapped[str | None]
    #: ISO 3166-1 alpha-2 of the country it belongs to or is.
    country: Mapped[str | None] = mapped_column(index=True)
    #: UN M49 region and sub-region, of governments.
    region: Mapped[str | None]
    sub_region: Mapped[str | None]
    note: Mapped[str | None]
    source: Mapped[str | None]
    #: The day the source showed these facts.
    seen_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(default=db.now)
    #: The import that brought it first.
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"), index=True)
    #: Set on one of two found to be the same; lists, pickers and reports leave it out.
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("target.id"), index=True)

    identifiers: Mapped[list["TargetIdentifier"]] = relationship(lazy="raise")
    terms: Mapped[list["Term"]] = relationship(back_populates="target", lazy="raise")
    contact_points: Mapped[list["ContactPoint"]] = relationship(lazy="raise")
    committee_seats: Mapped[list["CommitteeSeat"]] = relationship(
        back_populates="target", lazy="raise"
    )


class TargetIdentifier(db.Model):
    """What others call a target: bioguide C000127, iso3166 NU, wikidata Q34020."""

    __tablename__ = "target_identifier"
    __table_args__ = (UniqueConstraint("scheme", "identifier"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), index=True)
    scheme: Mapped[str]
    identifier: Mapped[str]


class Body(db.Model):
    """A chamber, committee, ministry or embassy. `key` is ours and stable: `us/senate`."""

    __tablename__ = "body"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    #: chamber | committee | subcommittee | ministry | embassy | other
    classification: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("body.id"), index=True)
    country: Mapped[str | None]
    url: Mapped[str | None]

    parent: Mapped["Body | None"] = relationship(remote_side=[id], lazy="raise")


class Post(db.Model):
    """A seat or an office. `key` is stable across its holders: `us/senate/WV/2`."""

    __tablename__ = "post"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    body_id: Mapped[int] = mapped_column(ForeignKey("body.id"), index=True)
    #: Senator, Representative, Delegate, Ambassador …
    role: Mapped[str]
    label: Mapped[str]
    #: Open Civic Data division: `ocd-division/country:us/state:wv/cd:1`.
    division: Mapped[str | None] = mapped_column(index=True)
    #: State or territory as it is written there: WV.
    area: Mapped[str | None] = mapped_column(index=True)
    #: District as text (`At large`, `2`, `14B`), or the class of a Senate seat.
    district: Mapped[str | None]

    body: Mapped[Body] = relationship(lazy="raise")


class Term(db.Model):
    """Who held a post from a day until another, for which party.

    `ends_on` is the day it is due to end or ended; None when open. A source's due date does not
    prove that the holder stayed that long.
    """

    __tablename__ = "term"
    __table_args__ = (
        UniqueConstraint("target_id", "post_id", "starts_on"),
        Index(None, "post_id", "ends_on"),
        # Not of `is_current` alone: SQLite would read all present terms for each target.
        Index(None, "target_id", "is_current"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"))
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    party: Mapped[str | None]
    caucus: Mapped[str | None]
    #: Set on the one term by which lists, filters and reports know the target now.
    is_current: Mapped[bool] = mapped_column(default=False)

    target: Mapped[Target] = relationship(back_populates="terms", lazy="raise")
    post: Mapped[Post] = relationship(lazy="raise")


class ContactPoint(db.Model):
    """A way to reach a target, or whoever holds a post. Exactly one of the two is set."""

    __tablename__ = "contact_point"
    __table_args__ = (
        CheckConstraint("(target_id IS NULL) <> (post_id IS NULL)", name="one_owner"),
        Index(None, "target_id", "kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int | None] = mapped_column(ForeignKey("target.id"))
    post_id: Mapped[int | None] = mapped_column(ForeignKey("post.id"), index=True)
    #: postal | phone | email | web form | website | fax | social
    kind: Mapped[str]
    #: Where or what: `DC`, `Charleston`, `X`, `Facebook`.
    label: Mapped[str]
    #: Number, address or link; of a postal one its lines, newline between.
    value: Mapped[str]
    #: Structured parts of a postal address: street, building, locality, region, postal_code.
    parts: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    #: good | bad | past
    status: Mapped[str] = mapped_column(default="good")
    source: Mapped[str | None]
    checked_on: Mapped[date | None]
    #: Why it is bad or past, in words: `returned undeliverable on 3 May 2026`.
    note: Mapped[str | None]
    #: The importer's stable name for it, so that a second import finds it again.
    key: Mapped[str | None]


class CommitteeSeat(db.Model):
    """A target on a committee or subcommittee."""

    __tablename__ = "committee_seat"
    __table_args__ = (UniqueConstraint("target_id", "body_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"))
    body_id: Mapped[int] = mapped_column(ForeignKey("body.id"), index=True)
    title: Mapped[str | None]
    rank: Mapped[int | None]
    #: majority | minority
    side: Mapped[str | None]

    target: Mapped[Target] = relationship(back_populates="committee_seats", lazy="raise")
    body: Mapped[Body] = relationship(lazy="raise")


class TargetList(db.Model):
    """A named, owned, dated list of targets: fixed (its items) or by rule (found anew each time).

    `rule` is `{"kind": …, …}` as `targets.list_rules` reads it; a fixed list has none.
    """

    __tablename__ = "target_list"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    note: Mapped[str | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[datetime] = mapped_column(default=db.now)
    #: The day the list speaks of; a rule without one is asked as of today.
    as_of: Mapped[date | None]
    rule: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    owner: Mapped[User | None] = relationship(lazy="raise")


class TargetListItem(db.Model):
    """A target on a list."""

    __tablename__ = "target_list_item"

    list_id: Mapped[int] = mapped_column(ForeignKey("target_list.id"), primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True, index=True)


class TargetChange(db.Model):
    """What an import saw change of a target, and when: the line of its changes file."""

    __tablename__ = "target_change"
    __table_args__ = (Index(None, "target_id", "seen_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"), index=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id"))
    #: arrived | left | moved | district | party | name | contact | committee | other
    kind: Mapped[str]
    #: What of it, as words for a person: `DC phone`, `Committee on Finance`.
    what: Mapped[str]
    old: Mapped[str | None]
    new: Mapped[str | None]
    #: The posts concerned, of who left, arrived or moved.
    old_post_id: Mapped[int | None] = mapped_column(ForeignKey("post.id"))
    new_post_id: Mapped[int | None] = mapped_column(ForeignKey("post.id"))
    seen_on: Mapped[date]

    target: Mapped[Target] = relationship(lazy="raise")


class TargetMerge(db.Model):
    """Two targets found to be one. `moved` says which rows went where, for the way back."""

    __tablename__ = "target_merge"

    id: Mapped[int] = mapped_column(primary_key=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("target.id"), index=True)
    merged_id: Mapped[int] = mapped_column(ForeignKey("target.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=db.now)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    moved: Mapped[dict[str, Any]] = mapped_column(JSON)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    kept: Mapped[Target] = relationship(lazy="raise", foreign_keys=[kept_id])
    merged: Mapped[Target] = relationship(lazy="raise", foreign_keys=[merged_id])
    by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[by_id])


class NotTheSame(db.Model):
    """Two targets that look alike and are not: the pair is not proposed again. `a_id < b_id`."""

    __tablename__ = "target_not_the_same"
    __table_args__ = (CheckConstraint("a_id < b_id", name="order"),)

    a_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True)
    b_id: Mapped[int] = mapped_column(ForeignKey("target.id"), primary_key=True, index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime] = mapped_column(default=db.now)


class DistrictTable(db.Model):
    """A table from ZIPs to congressional districts, and the Congress it is good for."""

    __tablename__ = "district_table"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: 119: the districts of the 119th Congress.
    congress: Mapped[int] = mapped_column(unique=True)
    source: Mapped[str]
    #: First and last day of that Congress.
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    zips: Mapped[int]
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))


class ZipDistrict(db.Model):
    """A district that some of a ZIP's ground lies in. 0 is a seat at large or a delegate's."""

    __tablename__ = "zip_district"

    zip: Mapped[str] = mapped_column(primary_key=True)
    table_id: Mapped[int] = mapped_column(ForeignKey("district_table.id"), primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    district: Mapped[int] = mapped_column(primary_key=True)
