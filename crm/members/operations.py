"""What changes members, chapters and roles. Each checks that `by` may do it there."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select, update

from crm.accounts import operations as accounts
from crm.accounts.models import User
from crm.accounts.queries import find_user
from crm.core import access, audit, db, mail
from crm.core.access import Can, Role
from crm.core.errors import Refused
from crm.core.text import free_slug
from crm.members import chaperone, fields, queries, rules, tags
from crm.members.models import Chapter, ChapterRole, Member, Membership


class Unchanged(Enum):
    """What an edit leaves as it is, where None would take it away."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED

# Members


def add_member(
    *,
    given_name: str,
    family_name: str | None,
    chapter_id: int,
    by: User | None,
    joined_on: date | None = None,
    email: str | None = None,
    phone: str | None = None,
    graduation_year: int | None = None,
    note: str | None = None,
    age_band: str = rules.AgeBand.UNKNOWN,
    address: str | None = None,
    postal_code: str | None = None,
    tags_by_kind: Mapping[str, Sequence[str]] | None = None,
    custom: Mapping[str, Any] | None = None,
    anyway: bool = False,
    today: date | None = None,
) -> Member:
    """A new volunteer in a chapter.

    `tags_by_kind` are names by `tags.KINDS`, `custom` answers by the key of the field. Refuses a
    name the chapter already has unless `anyway`: two people may share one.
    """
    chapter = _open_chapter(chapter_id)
    _must(by, Can.EDIT_MEMBERS, chapter_id, field="chapter_id")
    values = _named(given_name, family_name) | _checked(
        {
            "email": email,
            "phone": phone,
            "graduation_year": graduation_year,
            "age_band": age_band,
            "address": address,
            "postal_code": postal_code,
            "note": note,
        }
    )
    if not anyway and queries.same_named(chapter_id, values["given_name"], values["family_name"]):
        raise Refused(
            _(
                "%(chapter)s already has a member with this name. Add anyway if this is"
                " somebody else.",
                chapter=chapter.name,
            ),
            "anyway",
        )
    answers = _answers(custom or {}, {})
    said_on = _today(today) if age_band != rules.AgeBand.UNKNOWN else None
    record = Member(**values, age_band_on=said_on, custom=answers)
    db.session.add(record)
    db.session.flush()
    db.session.add(Membership(member_id=record.id, chapter_id=chapter_id, joined_on=joined_on))
    db.session.flush()
    changes = {**values, "chapter_id": chapter_id, "joined_on": joined_on}
    if age_band == rules.AgeBand.UNKNOWN:
        changes.pop("age_band")
    changes |= {f"custom.{key}": value for key, value in answers.items()}
    changes |= {kind: new for kind, (_old, new) in _tag(record.id, tags_by_kind or {}).items()}
    audit.record("add_member", "member", record.id, by=by, changes=_given(changes))
    return record


def edit_member(
    *,
    member_id: int,
    given_name: str,
    family_name: str | None,
    by: User | None,
    email: str | Unchanged | None = UNCHANGED,
    phone: str | Unchanged | None = UNCHANGED,
    graduation_year: int | Unchanged | None = UNCHANGED,
    note: str | Unchanged | None = UNCHANGED,
    age_band: str | Unchanged = UNCHANGED,
    address: str | Unchanged | None = UNCHANGED,
    postal_code: str | Unchanged | None = UNCHANGED,
    tags_by_kind: Mapping[str, Sequence[str]] | None = None,
    custom: Mapping[str, Any] | None = None,
    reason: str | None = None,
    today: date | None = None,
) -> Member:
    """Change who a member is, how to reach them and what is known beside.

    What is not given stays; kinds of tags and fields that are not named do too.
    """
    record = _member(member_id, by)
    given = {
        "email": email,
        "phone": phone,
        "graduation_year": graduation_year,
        "age_band": age_band,
        "address": address,
        "postal_code": postal_code,
        "note": note,
    }
    values = _named(given_name, family_name) | _checked(
        {name: value for name, value in given.items() if value is not UNCHANGED}
    )
    changes: dict[str, Any] = audit.difference(record, values)
    if "age_band" in changes:
        is_said = values["age_band"] != rules.AgeBand.UNKNOWN
        values["age_band_on"] = _today(today) if is_said else None
    for name, value in values.items():
        setattr(record, name, value)
    answers = _answers(custom or {}, record.custom)
    if answers != record.custom:
        for key in sorted(answers.keys() | record.custom.keys()):
            if answers.get(key) != record.custom.get(key):
                changes[f"custom.{key}"] = [record.custom.get(key), answers.get(key)]
        record.custom = answers
    db.session.flush()
    changes |= _tag(record.id, tags_by_kind or {})
    changes.pop("search", None)
    audit.record("edit_member", "member", record.id, by=by, changes=changes, reason=reason)
    return record


def join_chapter(
    *, member_id: int, chapter_id: int, by: User | None, joined_on: date | None = None, today: date
) -> Membership:
    """A member in one more chapter, or back in one they had left."""
    record = _member(member_id, by)
    _open_chapter(chapter_id)
    _must(by, Can.EDIT_MEMBERS, chapter_id, field="chapter_id")
    for each in _memberships(member_id, chapter_id):
        if rules.is_open(each.left_on, today):
            raise Refused(_("This member is in that chapter already."), "chapter_id")
        if joined_on is not None and each.left_on is not None and joined_on < each.left_on:
            raise Refused(_("This is before the day they left that chapter."), "joined_on")
    membership = Membership(member_id=record.id, chapter_id=chapter_id, joined_on=joined_on)
    db.session.add(membership)
    db.session.flush()
    changes = {"chapter_id": chapter_id, "joined_on": joined_on}
    audit.record("join_chapter", "member", record.id, by=by, changes=changes)
    return membership


def leave_chapter(*, membership_id: int, left_on: date, by: User | None, today: date) -> Membership:
    """A member's last day in a chapter; it may lie ahead."""
    membership = _membership(membership_id, by)
    if not rules.is_open(membership.left_on, today):
        raise Refused(_("This member has left that chapter already."))
    _check_period(membership.joined_on, left_on)
    changes = {"left_on": [membership.left_on, left_on], "chapter_id": membership.chapter_id}
    membership.left_on = left_on
    audit.record("leave_chapter", "member", membership.member_id, by=by, changes=changes)
    return membership


def correct_membership(
    *, membership_id: int, joined_on: date | None, left_on: date | None, by: User | None
) -> Membership:
    """Put the days of a membership right; without a last day it is open again."""
    membership = _membership(membership_id, by)
    _check_period(joined_on, left_on)
    values = {"joined_on": joined_on, "left_on": left_on}
    changes = audit.difference(membership, values)
    membership.joined_on, membership.left_on = joined_on, left_on
    audit.record("correct_membership", "member", membership.member_id, by=by, changes=changes)
    return membership


def _member(member_id: int, by: User | None) -> Member:
    """The member, if `by` may change members of one of its chapters; else NoResultFound."""
    if by is None:
        return db.session.scalars(select(Member).where(Member.id == member_id)).one()
    scope = access.scope(by, Can.EDIT_MEMBERS)
    return db.session.scalars(queries.visible_members(scope).where(Member.id == member_id)).one()


def _membership(membership_id: int, by: User | None) -> Membership:
    wanted = select(Membership).where(Membership.id == membership_id)
    if by is not None:
        scope = access.scope(by, Can.EDIT_MEMBERS)
        wanted = wanted.where(queries.in_scope(Membership.chapter_id, scope))
    return db.session.scalars(wanted).one()


def _memberships(member_id: int, chapter_id: int) -> list[Membership]:
    return list(
        db.session.scalars(
            select(Membership).where(
                Membership.member_id == member_id, Membership.chapter_id == chapter_id
            )
        )
    )


def _named(given_name: str, family_name: str | None) -> dict[str, Any]:
    given_name = rules.clean_name(given_name)
    family_name = rules.clean_name(family_name) or None
    if fault := rules.name_fault(given_name):
        raise Refused(fault, "given_name")
    if family_name and (fault := rules.name_fault(family_name)):
        raise Refused(fault, "family_name")
    return {
        "given_name": given_name,
        "family_name": family_name,
        "search": rules.search_key(given_name, family_name),
    }


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """What is known beside the name, as it is kept; nothing is None."""
    kept = {name: value or None for name, value in values.items()}
    year = values.get("graduation_year")
    if year is not None and year not in rules.YEARS:
        raise Refused(_("Give a year such as 2027."), "graduation_year")
    if "email" in kept:
        kept["email"] = _email(kept["email"])
    if "age_band" in kept and kept["age_band"] not in set(rules.AgeBand):
        raise Refused(_("Choose one of the ages."), "age_band")
    return kept


def _answers(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to defined fields as they are kept, with those that were not asked."""
    answers = dict(before)
    for each in fields.defined():
        # What stands already is not weighed again: the choices may be others by now.
        if each.key not in given or str(given[each.key] or "") == before.get(each.key, ""):
            continue
        try:
            value = fields.kept(each, given[each.key])
        except Refused as refusal:
            raise Refused(refusal.message, f"custom_{each.key}") from refusal
        answers.pop(each.key, None)
        if value is not None:
            answers[each.key] = value
    return answers


def _tag(member_id: int, by_kind: Mapping[str, Sequence[str]]) -> dict[str, list[list[str]]]:
    """Give a member these tags of the kinds that are named; what changed, by kind."""
    if not by_kind:
        return {}
    before = tags.tags_of([member_id])[member_id]
    kept = {kind: by_kind.get(kind, before.get(kind, [])) for kind in tags.KINDS}
    tags.set_tags(member_id, [each for kind in kept for each in tags.ids_of(kind, kept[kind])])
    after = tags.tags_of([member_id])[member_id]
    return {
        kind: [before.get(kind, []), after.get(kind, [])]
        for kind in tags.KINDS
        if before.get(kind) != after.get(kind)
    }


def _today(today: date | None) -> date:
    return today or datetime.now(UTC).date()


def _email(email: str | None) -> str | None:
    if not email:
        return None
    try:
        return validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Refused(_("This is not an e-mail address."), "email") from error


def _check_period(joined_on: date | None, left_on: date | None) -> None:
    if joined_on is not None and left_on is not None and left_on < joined_on:
        raise Refused(_("The last day is before the day of joining."), "left_on")


# Chapters


def add_chapter(
    *,
    name: str,
    kind: str,
    parent_id: int | None,
    by: User | None,
    place: str | None = None,
    address: str | None = None,
    founded_on: date | None = None,
) -> Chapter:
    """A new chapter under another; one without a parent needs the right everywhere."""
    parent = _parent(parent_id, by)
    name = _chapter_name(name)
    _check_kind(kind, parent)
    record = Chapter(
        name=name,
        slug=free_slug(name, queries.slugs()),
        kind=kind,
        parent_id=parent_id,
        path="",
        place=place or None,
        address=address or None,
        founded_on=founded_on,
    )
    db.session.add(record)
    db.session.flush()
    record.path = f"{parent.path if parent else '/'}{record.id}/"
    db.session.flush()
    changes = {
        "name": name,
        "kind": kind,
        "parent_id": parent_id,
        "place": place,
        "address": address,
    }
    audit.record("add_chapter", "chapter", record.id, by=by, changes=_given(changes))
    return record


def edit_chapter(
    *,
    chapter_id: int,
    name: str,
    kind: str,
    parent_id: int | None,
    by: User | None,
    place: str | None = None,
    address: str | Unchanged | None = UNCHANGED,
    founded_on: date | None = None,
    closed_on: date | None = None,
) -> Chapter:
    """Change a chapter; its page stays where it is. Under another parent, all below it move along.

    Closing it ends its open memberships that day; opening it again opens those.
    """
    record = db.session.scalars(select(Chapter).where(Chapter.id == chapter_id)).one()
    _must(by, Can.EDIT_CHAPTERS, chapter_id)
    moves = parent_id != record.parent_id
    if moves and record.parent_id is None and by is not None:
        _must_everywhere(by, Can.EDIT_CHAPTERS, "parent_id")
    elif moves and record.parent_id is not None:
        _must(by, Can.EDIT_CHAPTERS, record.parent_id, field="parent_id")
    parent = _parent(parent_id, by) if moves else _found_chapter(parent_id)
    if parent is not None and parent.path.startswith(record.path):
        raise Refused(_("A chapter cannot be under itself."), "parent_id")
    _check_kind(kind, parent)
    for child_kind in _kinds_below(record.id):
        if not rules.fits_below(child_kind, kind):
            raise Refused(_("A chapter below it is of a wider kind."), "kind")
    if founded_on is not None and closed_on is not None and closed_on < founded_on:
        raise Refused(_("The day of closing is before the founding."), "closed_on")
    values: dict[str, Any] = {
        "name": _chapter_name(name),
        "kind": kind,
        "parent_id": parent_id,
        "place": place or None,
        "founded_on": founded_on,
        "closed_on": closed_on,
    }
    if address is not UNCHANGED:
        values["address"] = address or None
    changes: dict[str, Any] = audit.difference(record, values)
    if "closed_on" in changes:
        changes["memberships"] = _close(record, closed_on)
    for field, value in values.items():
        setattr(record, field, value)
    if moves:
        _move(record, f"{parent.path if parent else '/'}{record.id}/")
    db.session.flush()
    audit.record("edit_chapter", "chapter", record.id, by=by, changes=changes)
    return record


def _move(record: Chapter, path: str) -> None:
    """Give the chapter its new path, and all below it theirs."""
    old = record.path
    db.session.flush()
    db.session.execute(
        update(Chapter)
        .where(Chapter.path.startswith(old, autoescape=True))
        .values(path=path + func.substr(Chapter.path, len(old) + 1)),
        execution_options={"synchronize_session": False},
    )
    db.session.expire_all()


def _close(record: Chapter, closed_on: date | None) -> int:
    """End or reopen the memberships that follow the chapter's closing; how many."""
    if closed_on is not None and db.session.scalar(
        select(Chapter.id)
        .where(Chapter.parent_id == record.id, Chapter.closed_on.is_(None))
        .limit(1)
    ):
        raise Refused(_("Close the chapters below it first."), "closed_on")
    following = (
        Membership.left_on.is_(None)
        if record.closed_on is None
        else Membership.left_on == record.closed_on
    )
    theirs = (Membership.chapter_id == record.id, following)
    if closed_on is not None and (
        late := db.session.scalar(
            select(func.count())
            .select_from(Membership)
            .where(*theirs, Membership.joined_on > closed_on)
        )
    ):
        raise Refused(
            ngettext(
                "%(num)s member joined after that day.",
                "%(num)s members joined after that day.",
                late,
            ),
            "closed_on",
        )
    result = db.session.execute(
        update(Membership).where(*theirs).values(left_on=closed_on),
        execution_options={"synchronize_session": False},
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def _found_chapter(chapter_id: int | None) -> Chapter | None:
    if chapter_id is None:
        return None
    return db.session.scalars(select(Chapter).where(Chapter.id == chapter_id)).one_or_none()


def _open_chapter(chapter_id: int) -> Chapter:
    found = _found_chapter(chapter_id)
    if found is None:
        raise Refused(_("There is no such chapter."), "chapter_id")
    if found.closed_on is not None:
        raise Refused(_("%(chapter)s is closed.", chapter=found.name), "chapter_id")
    return found


def _parent(parent_id: int | None, by: User | None) -> Chapter | None:
    if parent_id is None:
        if by is not None:
            _must_everywhere(by, Can.EDIT_CHAPTERS, "parent_id")
        return None
    parent = _found_chapter(parent_id)
    if parent is None:
        raise Refused(_("There is no such chapter."), "parent_id")
    _must(by, Can.EDIT_CHAPTERS, parent_id, field="parent_id")
    if parent.closed_on is not None:
        raise Refused(_("%(chapter)s is closed.", chapter=parent.name), "parent_id")
    return parent


def _chapter_name(name: str) -> str:
    name = rules.clean_name(name)
    if fault := rules.name_fault(name):
        raise Refused(fault, "name")
    return name


def _check_kind(kind: str, parent: Chapter | None) -> None:
    if kind not in set(rules.Kind):
        raise Refused(_("Choose one of the kinds."), "kind")
    if parent is not None and not rules.fits_below(kind, parent.kind):
        raise Refused(
            _(
                "A chapter of the kind “%(kind)s” cannot be under one of the kind “%(parent)s”.",
                kind=rules.kind_name(kind),
                parent=rules.kind_name(parent.kind),
            ),
            "kind",
        )


def _kinds_below(chapter_id: int) -> set[str]:
    return set(db.session.scalars(select(Chapter.kind).where(Chapter.parent_id == chapter_id)))


# Roles and users


def grant_role(*, user_id: int, role: str, chapter_id: int | None, by: User | None) -> ChapterRole:
    """Give a user a role in a chapter and all below it; without a chapter, everywhere.

    Nobody gives a role outside of where they manage users themselves.
    """
    _check_role(role, chapter_id, by)
    user = db.session.scalars(select(User).where(User.id == user_id)).one()
    same = select(ChapterRole.id).where(
        ChapterRole.user_id == user_id,
        ChapterRole.role == role,
        # The unique constraint does not hold where the chapter is empty.
        ChapterRole.chapter_id.is_(None)
        if chapter_id is None
        else ChapterRole.chapter_id == chapter_id,
    )
    if db.session.scalar(same):
        raise Refused(_("%(name)s has this role there already.", name=user.name), "role")
    record = ChapterRole(user_id=user_id, chapter_id=chapter_id, role=Role(role).value)
    db.session.add(record)
    db.session.flush()
    changes = {"role": role, "chapter_id": chapter_id}
    audit.record("grant_role", "user_account", user_id, by=by, changes=changes)
    return record


def revoke_role(*, chapter_role_id: int, by: User | None) -> None:
    """Take a role away; the last administrator of everything keeps theirs."""
    record = db.session.scalars(select(ChapterRole).where(ChapterRole.id == chapter_role_id)).one()
    _must_manage(by, record.chapter_id)
    if _is_over_everything(record):
        _must_leave_administrator(record.user_id)
    changes = {"role": record.role, "chapter_id": record.chapter_id}
    user_id = record.user_id
    db.session.delete(record)
    db.session.flush()
    audit.record("revoke_role", "user_account", user_id, by=by, changes=changes)


def invite(
    *,
    email: str,
    name: str,
    role: str,
    chapter_id: int | None,
    by: User | None,
    and_tell: bool = True,
) -> tuple[User, bool]:
    """A user with a first role, and whether they are new; the invitation leaves if mail is set up.

    Somebody who signs in with that address already gets the role and keeps their name. A minor's
    address is refused where no guardian has allowed an account. Without `and_tell` no invitation
    leaves: the caller sets a password.
    """
    _check_role(role, chapter_id, by)
    if minors := chaperone.minors_with(email):
        chaperone.must_allow_account(minors, "email")
    found = find_user(email)
    user = found or accounts.create_user(email=email, name=name, by=by)
    grant_role(user_id=user.id, role=role, chapter_id=chapter_id, by=by)
    if found is None and and_tell:
        accounts.send_invitation(user, by=by)
    return user, found is None


def invite_again(*, user_id: int, by: User | None) -> mail.Sent:
    """Send the invitation once more; false when the link must be handed over, or none may leave."""
    return accounts.send_invitation(_managed(user_id, by), by=by)


def end_sessions(*, user_id: int, by: User | None) -> None:
    """Sign somebody out everywhere."""
    accounts.end_sessions(_managed(user_id, by), by=by)


def deactivate(*, user_id: int, by: User | None) -> None:
    """Let somebody in no more; not the last administrator of everything."""
    user = _managed(user_id, by)
    held = queries.roles_of([user_id]).get(user_id, [])
    if user.active and any(map(_is_over_everything, held)):
        _must_leave_administrator(user_id)
    accounts.deactivate(user, by=by)


def activate(*, user_id: int, by: User | None) -> None:
    """Let somebody in again."""
    accounts.activate(_managed(user_id, by), by=by)


def manages(by: User | None, roles: Iterable[ChapterRole]) -> bool:
    """Whether `by` may change the account of somebody with these roles.

    That takes the right wherever the person holds one: an administrator of a chapter must not shut
    out, or be handed the way in of, somebody who is more than that chapter's.
    """
    if by is None:
        return True
    scope = access.scope(by, Can.MANAGE_USERS)
    held = [role.chapter_id for role in roles]
    return scope.everywhere or (
        bool(held) and all(each is not None and scope.includes(each) for each in held)
    )


def _managed(user_id: int, by: User | None) -> User:
    """The user, if `by` manages all they are; NoResultFound where `by` may not even see them."""
    if by is None:
        return db.session.scalars(select(User).where(User.id == user_id)).one()
    user = queries.user(user_id, access.scope(by, Can.MANAGE_USERS))
    if not manages(by, queries.roles_of([user_id]).get(user_id, [])):
        raise Refused(
            _(
                "%(name)s also has a role outside of your chapters. An administrator there can"
                " do this.",
                name=user.name,
            )
        )
    return user


def _check_role(role: str, chapter_id: int | None, by: User | None) -> None:
    if role not in set(Role):
        raise Refused(_("Choose one of the roles."), "role")
    if chapter_id is not None and _found_chapter(chapter_id) is None:
        raise Refused(_("There is no such chapter."), "chapter_id")
    _must_manage(by, chapter_id)


def _must_manage(by: User | None, chapter_id: int | None) -> None:
    if by is None:
        return
    if chapter_id is None:
        _must_everywhere(by, Can.MANAGE_USERS, "chapter_id")
    else:
        _must(by, Can.MANAGE_USERS, chapter_id, field="chapter_id")


def _is_over_everything(role: ChapterRole) -> bool:
    return role.role == Role.ADMINISTRATOR and role.chapter_id is None


def _must_leave_administrator(user_id: int) -> None:
    # Everybody's rows, so that of two administrators who shut each other out one comes first.
    db.session.execute(
        select(ChapterRole.id).where(ChapterRole.role == Role.ADMINISTRATOR).with_for_update()
    )
    if queries.other_administrators(user_id) == 0:
        raise Refused(
            _("This is the last administrator of everything. Make somebody else one first.")
        )


# Rights


def _must(by: User | None, can: Can, chapter_id: int, *, field: str | None = None) -> None:
    if by is not None and not access.may(by, can, chapter_id):
        raise Refused(_("This chapter is not one of yours to change."), field)


def _must_everywhere(by: User, can: Can, field: str | None = None) -> None:
    if not access.scope(by, can).everywhere:
        raise Refused(_("Choose one of your chapters."), field)


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    """What was filled in; the folded name follows from the name."""
    return {k: v for k, v in changes.items() if v is not None and k != "search"}
