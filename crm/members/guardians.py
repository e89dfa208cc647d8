"""Guardians of members: who they are, how to reach them, whom they decide for.

One guardian may have several children here, and a child several guardians. How to reach a guardian
is how to reach the child: only those who keep consents in a chapter of the child read it, and each
read is recorded. Children elsewhere are never told.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, exists, func, or_, select, update
from sqlalchemy.orm import joinedload

from crm.accounts.models import User
from crm.accounts.rules import clean_email
from crm.core import access, audit, db, i18n, outbox
from crm.core.access import Can, Scope
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members import queries, rules
from crm.members.models import ConsentRequest, Guardian, Guardianship, Member
from crm.members.rules import AgeBand

#: Digits of a phone number that are compared: with or without the country's, it is one.
_DIGITS = 9
#: Fewer digits are an extension, and say nothing of who it is.
_LEAST_DIGITS = 7
#: Guardians proposed at most.
_PROPOSED = 5


@dataclass(frozen=True)
class Known:
    """A guardian of a member, as the pages show them."""

    guardian: Guardian
    relation: str | None

    @property
    def called(self) -> str:
        """`Maria Núñez (mother)`."""
        return f"{self.guardian.name} ({self.relation})" if self.relation else self.guardian.name


# Read


def guardians_of(member_ids: Collection[int]) -> dict[int, list[Known]]:
    """The guardians of each member, in the order they came: one statement."""
    found: dict[int, list[Known]] = {}
    for guardian, member_id, relation in db.session.execute(
        select(Guardian, Guardianship.member_id, Guardianship.relation)
        .join(Guardianship, Guardianship.guardian_id == Guardian.id)
        .where(Guardianship.member_id.in_(member_ids))
        .order_by(Guardian.id)
    ):
        found.setdefault(member_id, []).append(Known(guardian, relation))
    return found


def children_of(guardian_ids: Collection[int], scope: Scope) -> dict[int, list[int]]:
    """Ids of each guardian's children in the scope, and of no others: one statement."""
    rows = db.session.execute(
        select(Guardianship.guardian_id, Guardianship.member_id)
        .where(
            Guardianship.guardian_id.in_(guardian_ids),
            Guardianship.member_id.in_(_ids_in(scope)),
        )
        .order_by(Guardianship.member_id)
    )
    found: dict[int, list[int]] = {}
    for guardian_id, member_id in rows:
        found.setdefault(guardian_id, []).append(member_id)
    return found


def siblings_of(member_id: int, scope: Scope) -> list[int]:
    """Ids of those in the scope who share a guardian with the member."""
    theirs = select(Guardianship.guardian_id).where(Guardianship.member_id == member_id)
    return list(
        db.session.scalars(
            select(Guardianship.member_id)
            .where(
                Guardianship.guardian_id.in_(theirs),
                Guardianship.member_id != member_id,
                Guardianship.member_id.in_(_ids_in(scope)),
            )
            .distinct()
            .order_by(Guardianship.member_id)
        )
    )


def perhaps_the_same(
    email: str | None, phone: str | None, scope: Scope, *, but_of: int | None = None
) -> list[Guardian]:
    """Guardians of children in the scope with this e-mail or phone: is it the same person?"""
    alike: list[ColumnElement[bool]] = []
    if email:
        alike.append(func.lower(Guardian.email) == email.strip().lower())
    digits = "".join(each for each in phone or "" if each.isdecimal() and each.isascii())
    if len(digits) >= _LEAST_DIGITS:
        alike.append(_only_digits(Guardian.phone).like(f"%{digits[-_DIGITS:]}"))
    if not alike:
        return []
    found = select(Guardian).where(
        or_(*alike),
        exists().where(
            Guardianship.guardian_id == Guardian.id, Guardianship.member_id.in_(_ids_in(scope))
        ),
    )
    if but_of is not None:
        found = found.where(
            ~exists().where(
                Guardianship.guardian_id == Guardian.id, Guardianship.member_id == but_of
            )
        )
    return list(db.session.scalars(found.order_by(Guardian.id).limit(_PROPOSED)))


def _only_digits(column: Any) -> Any:
    for mark in (" ", "-", "(", ")", ".", "/", "+"):
        column = func.replace(column, mark, "")
    return column


def _ids_in(scope: Scope) -> Any:
    return queries.visible_members(scope).with_only_columns(Member.id)


# Written


def add_guardian(
    *,
    member_id: int,
    name: str,
    by: User | None,
    relation: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    language: str | None = None,
    anyway: bool = False,
) -> Guardian:
    """A new guardian of a member.

    Refuses one who seems to be here already, by phone or e-mail, unless `anyway`: then
    `link_guardian` is meant.
    """
    member = kept_member(member_id, by)
    values = _values(name, email, phone, language, by)
    if not anyway and perhaps_the_same(email, phone, kept_in(by)):
        raise Refused(
            _("A guardian with this e-mail or phone is here already. Is it the same person?"),
            "same",
        )
    record = Guardian(**values)
    db.session.add(record)
    db.session.flush()
    db.session.add(
        Guardianship(member_id=member.id, guardian_id=record.id, relation=_relation(relation))
    )
    db.session.flush()
    changes = {"guardian_id": record.id, "relation": relation, **values}
    del changes["search"]
    audit.record("add_guardian", "member", member.id, by=by, changes=_given(changes))
    return record


def link_guardian(
    *, member_id: int, guardian_id: int, by: User | None, relation: str | None = None
) -> Guardian:
    """Make somebody who is guardian of another child here this member's guardian too."""
    member = kept_member(member_id, by)
    record = db.session.scalars(select(Guardian).where(Guardian.id == guardian_id)).one_or_none()
    if record is None or (by is not None and not children_of([guardian_id], kept_in(by))):
        raise Refused(_("There is no such guardian."), "same")
    if db.session.scalars(_tie(member_id, guardian_id)).one_or_none() is not None:
        raise Refused(_("%(name)s is a guardian of this member already.", name=record.name), "same")
    db.session.add(
        Guardianship(member_id=member.id, guardian_id=record.id, relation=_relation(relation))
    )
    db.session.flush()
    changes = _given({"guardian_id": record.id, "relation": relation})
    audit.record("link_guardian", "member", member.id, by=by, changes=changes)
    return record


def change_guardian(
    *,
    member_id: int,
    guardian_id: int,
    name: str,
    by: User | None,
    relation: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    language: str | None = None,
) -> Guardian:
    """Put right who a guardian is and how to reach them, for all their children here.

    Links that were sent to another e-mail work no more.
    """
    kept_member(member_id, by)
    link = guardianship(member_id, guardian_id)
    record = link.guardian
    values = _values(name, email, phone, language, by)
    changes: dict[str, Any] = audit.difference(record, values)
    changes.pop("search", None)
    if link.relation != _relation(relation):
        changes["relation"] = [link.relation, _relation(relation)]
    if "email" in changes:
        changes["links_revoked"] = _revoke_links(ConsentRequest.guardian_id == guardian_id)
        # What still waits would go to the address that was wrong, with children's names in it.
        outbox.withdraw(outbox.Outgoing.batch == batch_of(guardian_id))
    for field, value in values.items():
        setattr(record, field, value)
    link.relation = _relation(relation)
    db.session.flush()
    changes["guardian_id"] = guardian_id
    audit.record("change_guardian", "member", member_id, by=by, changes=changes)
    return record


def unlink_guardian(*, member_id: int, guardian_id: int, reason: str, by: User | None) -> None:
    """Somebody is no longer a guardian of the member: what they said for them counts no more."""
    kept_member(member_id, by)
    if not reason.strip():
        raise Refused(_("Say why."), "reason")
    link = guardianship(member_id, guardian_id)
    changes = {"guardian_id": guardian_id, "relation": [link.relation, None]}
    changes["links_revoked"] = _revoke_links(
        ConsentRequest.guardian_id == guardian_id, ConsentRequest.member_id == member_id
    )
    db.session.delete(link)
    db.session.flush()
    audit.record(
        "unlink_guardian", "member", member_id, by=by, changes=changes, reason=reason.strip()
    )


def batch_of(guardian_id: int) -> str:
    """By what the outbox knows the requests that wait for a guardian."""
    return f"guardian:{guardian_id}"


def kept_in(by: User | None) -> Scope:
    """Where `by` keeps guardians and consents; a command does everywhere."""
    if by is None:
        return Scope(everywhere=True, chapter_ids=frozenset())
    return access.scope(by, Can.KEEP_CONSENTS)


def kept_member(member_id: int, by: User | None) -> Member:
    """The member, if `by` keeps consents in one of its chapters; else NoResultFound."""
    return db.session.scalars(
        queries.visible_members(kept_in(by)).where(Member.id == member_id)
    ).one()


def guardianship(member_id: int, guardian_id: int) -> Guardianship:
    """What ties the two, with the guardian; raises NoResultFound when nothing does."""
    return db.session.scalars(_tie(member_id, guardian_id)).one()


def _tie(member_id: int, guardian_id: int) -> Select[Guardianship]:
    return (
        select(Guardianship)
        .where(Guardianship.member_id == member_id, Guardianship.guardian_id == guardian_id)
        .options(joinedload(Guardianship.guardian))
    )


def _revoke_links(*of: ColumnElement[bool]) -> int:
    revoked = db.session.execute(
        update(ConsentRequest)
        .where(*of, ConsentRequest.used_at.is_(None), ConsentRequest.revoked_at.is_(None))
        .values(revoked_at=db.now()),
        execution_options={"synchronize_session": False},
    )
    return int(revoked.rowcount)  # type: ignore[attr-defined]


def _values(
    name: str, email: str | None, phone: str | None, language: str | None, by: User | None
) -> dict[str, Any]:
    name = rules.clean_name(name)
    if fault := rules.name_fault(name):
        raise Refused(fault, "name")
    address = clean_email(email) if email else None
    if email and address is None:
        raise Refused(_("This is not an e-mail address."), "email")
    if not address and not phone:
        raise Refused(_("Give a phone number or an e-mail address."), "phone")
    if address and _signs_in_as_minor(address):
        raise Refused(
            _("A minor signs in with this address. Give the guardian's own, or a phone number."),
            "email",
        )
    if address and by is not None and address == by.email:
        raise Refused(
            _("This is your own address. Somebody else has to enter you as a guardian."), "email"
        )
    if language is not None and language not in i18n.LANGUAGES:
        raise Refused(_("Choose one of the languages."), "language")
    return {
        "name": name,
        "search": fold(name)[:200],
        "email": address,
        "phone": phone or None,
        "language": language,
    }


def _signs_in_as_minor(address: str) -> bool:
    """Whether a child would answer for itself."""
    found = (
        select(Member.id)
        .join(User, User.id == Member.user_id)
        .where(User.email == address, Member.age_band != AgeBand.ADULT)
        .limit(1)
    )
    return db.session.scalar(found) is not None


def _relation(relation: str | None) -> str | None:
    return rules.clean_name(relation) or None


def _given(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}
