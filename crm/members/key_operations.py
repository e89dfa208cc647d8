"""Giving members the way to their own page, and taking it away: a link, cards, a linked account."""

from collections.abc import Collection
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members import keys, operations, queries
from crm.members.consent_rules import Purpose
from crm.members.disclosure import allowed
from crm.members.keys import Fresh, Kind
from crm.members.models import Member, MemberKey, Membership
from crm.members.rules import is_minor


def give_link(*, member_id: int, by: User | None, today: date) -> Fresh:
    """A link to a member's own page. Only this answer knows it; an earlier one stops working."""
    member = _member(member_id, by)
    _must_be_allowed([member_id], today)
    _must_be_somewhere([member_id], today)
    now = db.now()
    fresh = keys.draw([member_id], Kind.LINK, days=keys.LINK_DAYS, at=now)
    keys.keep(fresh, Kind.LINK, by=by, at=now)
    audit.record(
        "give_link", "member", member.id, by=by, changes={"until": fresh[0].expires_at.date()}
    )
    return fresh[0]


def draw_cards(*, member_ids: Collection[int], by: User | None, today: date) -> list[Fresh]:
    """Codes for the cards of these members, of which nothing is kept until the paper is set.

    Who may have none is left out by whoever asks (`keys.hindrances`); here it is refused.
    """
    wanted = sorted(set(member_ids))
    _must_have_cards(wanted, by, today)
    return keys.draw(wanted, Kind.CARD, days=keys.CARD_DAYS, at=db.now())


def keep_cards(*, fresh: Collection[Fresh], by: User | None, today: date) -> None:
    """Let the codes of cards that were set open pages; cards they had stop working."""
    wanted = sorted({each.member_id for each in fresh})
    _must_have_cards(wanted, by, today)
    keys.keep(fresh, Kind.CARD, by=by, at=db.now())
    one = wanted[0] if len(wanted) == 1 else None
    changes = {"members": wanted, "until": max(each.expires_at for each in fresh).date()}
    audit.record("make_cards", "member", one, by=by, changes=changes)


def _must_have_cards(member_ids: Collection[int], by: User | None, today: date) -> None:
    if not member_ids:
        raise Refused(_("Choose at least one member."), "members")
    if len(_in_scope(member_ids, by)) < len(member_ids):
        raise Refused(_("Some of these are not members of your chapters."), "members")
    _must_be_allowed(member_ids, today)
    _must_be_somewhere(member_ids, today)


def revoke_keys(*, member_id: int, kind: str, by: User | None) -> int:
    """Let a member's link or card open nothing any more."""
    member = _member(member_id, by)
    done = keys.revoke([member_id], Kind(kind), at=db.now())
    if not done:
        raise Refused(_("There is none that works."))
    audit.record("revoke_keys", "member", member.id, by=by, changes={"kind": kind, "keys": done})
    return done


def open_page(*, code: str, today: date) -> MemberKey:
    """Use a key. One answer for whatever is wrong with it: it tells nobody which codes exist."""
    now = db.now()
    key = keys.by_code(code)
    member = keys.opens(key, now=now, today=today)
    if key is None or member is None:
        raise Refused(
            _(
                "This code does not open a page. Look at it again, or ask your leader for a new"
                " one."
            ),
            "code",
        )
    key.used_at = now
    audit.record("open_own_page", "member", member.id, by=None, changes={"kind": key.kind})
    return key


def take_data(*, member_id: int, by: User | None, way: str) -> None:
    """Keep that a member took what is kept about them."""
    audit.record("take_own_data", "member", member_id, by=by, changes={"kind": str(way)})


def link_user(*, user_id: int, member_id: int, by: User | None, today: date) -> Member:
    """Say which member somebody who signs in is: they see their own page from then on."""
    user = _user(user_id, by)
    member = _member(member_id, by)
    if member.user_id == user.id:
        raise Refused(_("They are linked already."), "member_id")
    if member.user_id is not None:
        raise Refused(_("This member is linked to another account."), "member_id")
    if keys.of_user(user.id) is not None:
        raise Refused(_("This account is linked to another member. Unlink it first."), "member_id")
    _must_be_allowed([member_id], today, field="member_id")
    if is_minor(member.age_band) and not allowed([member_id], Purpose.ACCOUNT, today=today):
        raise Refused(
            _("A guardian has to consent to an account first: this member counts as a minor."),
            "member_id",
        )
    member.user_id = user.id
    db.session.flush()
    audit.record("link_user", "member", member.id, by=by, changes={"user_id": user.id})
    return member


def unlink_user(*, user_id: int, by: User | None) -> None:
    """Part an account from its member; both stay."""
    user = _user(user_id, by)
    member = keys.of_user(user.id)
    if member is None:
        raise Refused(_("This account is linked to no member."))
    member.user_id = None
    db.session.flush()
    audit.record("unlink_user", "member", member.id, by=by, changes={"user_id": [user.id, None]})


def _user(user_id: int, by: User | None) -> User:
    """The user, if `by` manages all they are."""
    if by is None:
        return db.session.scalars(select(User).where(User.id == user_id)).one()
    user = queries.user(user_id, access.scope(by, Can.MANAGE_USERS))
    if not operations.manages(by, queries.roles_of([user_id]).get(user_id, [])):
        raise Refused(
            _("They also have a role outside of your chapters. An administrator there can do this.")
        )
    return user


def _member(member_id: int, by: User | None) -> Member:
    return db.session.scalars(_wanted(by).where(Member.id == member_id)).one()


def _in_scope(member_ids: Collection[int], by: User | None) -> set[int]:
    found: set[int] = set()
    for some in db.batches(sorted(set(member_ids))):
        found |= set(
            db.session.scalars(_wanted(by).where(Member.id.in_(some)).with_only_columns(Member.id))
        )
    return found


def _wanted(by: User | None) -> Any:
    if by is None:
        return select(Member).where(*queries.present())
    return queries.visible_members(access.scope(by, Can.EDIT_MEMBERS))


def _must_be_allowed(member_ids: Collection[int], today: date, *, field: str | None = None) -> None:
    hindered = keys.hindrances(member_ids, today=today)
    if not hindered:
        return
    if len(member_ids) == 1:
        raise Refused(next(iter(hindered.values())), field)
    raise Refused(
        ngettext(
            "%(num)s of these may have no page of their own.",
            "%(num)s of these may have no page of their own.",
            len(hindered),
        ),
        field,
    )


def _must_be_somewhere(member_ids: Collection[int], today: date) -> None:
    there: set[int] = set()
    for some in db.batches(sorted(set(member_ids))):
        there |= set(
            db.session.scalars(
                select(Membership.member_id).where(
                    Membership.member_id.in_(some), queries.open_on(today)
                )
            )
        )
    if len(there) < len(set(member_ids)):
        raise Refused(_("Who has left their chapter gets no key to a page."))
