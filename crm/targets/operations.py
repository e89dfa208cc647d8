"""What can be done with targets: imports, records kept by hand, contact points."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select, update

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.errors import Refused
from crm.core.text import fold
from crm.targets import rules
from crm.targets.intake import Taken, only_new, take_in
from crm.targets.models import Body, ContactPoint, Post, Target, Term
from crm.targets.sources import congress, governments, openstates
from crm.targets.sources.reading import Progress

# Imports


def import_congress(
    place: str, *, by: User | None, today: date, progress: Progress | None = None
) -> Taken:
    """Read a folder, file or https address (the public one when empty) and write it.

    Reads before the first statement, so that the database is locked for the writing alone.
    """
    intake = congress.read(place, today=today, progress=progress)
    return take_in(intake, by=by, progress=progress)


def import_congress_files(
    uploads: Sequence[tuple[str, bytes]], *, by: User | None, today: date
) -> Taken:
    """Write legislators from files somebody sent, as (name, content)."""
    return take_in(congress.read_sent(uploads, today=today), by=by)


def import_west_virginia(*, by: User | None) -> Taken:
    """Write the delegation shipped with the project; people already here stay as they are."""
    return take_in(only_new(congress.read_west_virginia()), by=by)


def import_governments(*, by: User | None, progress: Progress | None = None) -> Taken:
    """Write the 197 states shipped with the project."""
    return take_in(governments.read(), by=by, progress=progress)


def import_openstates(
    place: str,
    *,
    state: str | None = None,
    public: str = "",
    by: User | None,
    today: date,
    progress: Progress | None = None,
) -> Taken:
    """Read a state's people files and write them; others' and Congress's stay as they are.

    `place` is a folder, a zip, an https address or a state's two letters, which are looked up in
    `public` or else at the public address. `state` says whose files, where there are several.
    """
    intake = openstates.read(place, state=state, public=public, today=today, progress=progress)
    return take_in(intake, by=by, progress=progress)


def import_openstates_file(
    name: str, content: bytes, *, state: str | None = None, by: User | None, today: date
) -> Taken:
    """Write a state's people files from a zip somebody sent."""
    return take_in(openstates.read_sent(name, content, state=state, today=today), by=by)


# Targets kept by hand


def add_target(
    *,
    kind: str,
    name: str | None = None,
    given_name: str | None = None,
    family_name: str | None = None,
    by: User | None,
    **more: Any,
) -> Target:
    """Add a target. People have name parts, all others a name."""
    values = _named(kind, name, given_name, family_name, more)
    target = Target(kind=kind, source=_("entered by hand"), **values)
    db.session.add(target)
    db.session.flush()
    audit.record("add_target", "target", target.id, by=by, changes={"kind": kind, **values})
    return target


def change_target(
    target: Target,
    *,
    name: str | None = None,
    given_name: str | None = None,
    family_name: str | None = None,
    by: User | None,
    **more: Any,
) -> None:
    """Change what is known of a target kept by hand; of an imported one, only the note."""
    if is_imported(target):
        values = {"note": more.get("note")}
    else:
        values = _named(target.kind, name, given_name, family_name, more)
        label, area = _present_office(target.id)
        values["search"] = rules.searchable(values["search"], label, area)
    changes = audit.difference(target, values)
    if not changes:
        return
    for field, value in values.items():
        setattr(target, field, value)
    db.session.flush()
    audit.record("change_target", "target", target.id, by=by, changes=changes)


def is_imported(target: Target) -> bool:
    """Whether a source keeps its facts (and the next import would overwrite ours)."""
    return target.seen_on is not None


def _named(
    kind: str,
    name: str | None,
    given_name: str | None,
    family_name: str | None,
    more: dict[str, Any],
) -> dict[str, Any]:
    if kind not in rules.KINDS:
        raise Refused(_("Choose a kind."), field="kind")
    if more.get("country"):
        more["country"] = more["country"].upper()
        if not rules.is_country_code(more["country"]):
            raise Refused(_("Give two letters, such as US or NU."), field="country")
    if kind in rules.PERSONS:
        if not given_name and not family_name:
            raise Refused(_("Give at least one of the names."), field="family_name")
        name = rules.full_name(
            given_name, family_name, additional=more.get("additional_name"),
            suffix=more.get("suffix"),
        )  # fmt: skip
    elif not name:
        raise Refused(_("Fill this in."), field="name")
    else:
        given_name = family_name = None
    return {
        **more,
        "name": name,
        "given_name": given_name or None,
        "family_name": family_name or None,
        "sort_name": rules.sort_name(name, given_name, family_name),
        "search": rules.searchable(name, more.get("nickname"), more.get("country")),
    }


def _present_office(target_id: int) -> tuple[str | None, str | None]:
    row = db.session.execute(
        select(Post.label, Post.area)
        .join(Term, Term.post_id == Post.id)
        .where(Term.target_id == target_id, Term.is_current)
    ).first()
    return (row[0], row[1]) if row else (None, None)


def hold_post(
    target: Target,
    *,
    body: str,
    office: str,
    area: str | None = None,
    party: str | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
    by: User | None,
    today: date,
) -> Term:
    """Say that a target held or holds an office of a body, both found by name or made.

    Without an end, or with one to come, it is the target's present office. Seats of Congress
    are the importer's.
    """
    if starts_on and ends_on and ends_on < starts_on:
        raise Refused(_("This is before the first day."), field="ends_on")
    body_key = f"own/{rules.key_part(body)}"
    post_key = "/".join((body_key, *(rules.key_part(each) for each in (office, area) if each)))
    held_in = db.session.scalars(select(Body).where(Body.key == body_key)).one_or_none()
    if held_in is None:
        held_in = Body(
            key=body_key,
            name=body,
            classification=body_classification(body),
            country=target.country,
        )
        db.session.add(held_in)
        db.session.flush()
    post = db.session.scalars(select(Post).where(Post.key == post_key)).one_or_none()
    if post is None:
        post = Post(key=post_key, body_id=held_in.id, role=office, label=office, area=area)
        db.session.add(post)
        db.session.flush()
    is_present = ends_on is None or ends_on >= today
    if is_present and is_imported(target) and db.session.scalars(_seat(target.id)).first():
        raise Refused(
            _("The present office comes from %(source)s. Give the day this one ended.",
              source=target.source),
            field="ends_on",
        )  # fmt: skip
    same = select(Term.id).where(
        Term.target_id == target.id,
        Term.post_id == post.id,
        Term.starts_on.is_(None) if starts_on is None else Term.starts_on == starts_on,
    )
    if db.session.scalars(same).first() is not None:
        raise Refused(_("This office is there already, from the same day."), field="office")
    if is_present:
        db.session.execute(
            update(Term)
            .where(Term.target_id == target.id, Term.is_current)
            .values(is_current=False)
        )
        target.search = rules.searchable(
            target.name, target.nickname, target.country, office, body, area
        )
    term = Term(
        target_id=target.id, post_id=post.id, starts_on=starts_on, ends_on=ends_on, party=party,
        is_current=is_present,
    )  # fmt: skip
    db.session.add(term)
    db.session.flush()
    audit.record(
        "hold_post",
        "target",
        target.id,
        by=by,
        changes={"post": post.label, "body": held_in.name, "starts_on": starts_on,
                 "ends_on": ends_on, "party": party},
    )  # fmt: skip
    return term


def _seat(target_id: int) -> Select[int]:
    """The present term in a body that a source keeps."""
    return (
        select(Term.id)
        .join(Post, Post.id == Term.post_id)
        .join(Body, Body.id == Post.body_id)
        .where(Term.target_id == target_id, Term.is_current, Body.key.not_like("own/%"))
    )


def body_classification(body: str) -> str:
    """What an institution of this name is: embassy, ministry or other."""
    words = fold(body).split()
    for word, kind in (("embassy", "embassy"), ("mission", "embassy"), ("ministry", "ministry")):
        if word in words:
            return kind
    return "other"


# Contact points


def add_contact_point(
    target: Target,
    *,
    kind: str,
    label: str,
    value: str,
    source: str | None = None,
    by: User | None,
    today: date,
) -> ContactPoint:
    """Add a way to reach a target."""
    _check_contact(kind, value)
    point = ContactPoint(
        target_id=target.id,
        kind=kind,
        label=label,
        value=value,
        status="good",
        source=source or _("entered by hand"),
        checked_on=today,
    )
    db.session.add(point)
    db.session.flush()
    audit.record(
        "add_contact_point",
        "contact_point",
        point.id,
        by=by,
        changes={"target_id": target.id, "kind": kind, "label": label, "value": value},
    )
    return point


def change_contact_point(
    point: ContactPoint,
    *,
    kind: str,
    label: str,
    value: str,
    source: str | None = None,
    by: User | None,
    today: date,
) -> None:
    """Change a contact point kept by hand; it counts as checked today and good."""
    if point.key is not None:
        raise Refused(
            _("The next import would overwrite this. Mark it as bad and add the right one.")
        )
    _check_contact(kind, value)
    values = {
        "kind": kind,
        "label": label,
        "value": value,
        "source": source or _("entered by hand"),
        "checked_on": today,
        "status": "good",
        "note": None,
    }
    changes = audit.difference(point, values)
    for field, new in values.items():
        setattr(point, field, new)
    db.session.flush()
    audit.record("change_contact_point", "contact_point", point.id, by=by, changes=changes)


def mark_contact_point(
    point: ContactPoint,
    *,
    status: str,
    note: str | None = None,
    by: User | None,
    today: date,
) -> None:
    """Say whether a contact point still works, and why if not; it counts as checked today.

    An import keeps `bad` until the value changes.
    """
    allowed = set(rules.CONTACT_STATUSES)
    if point.key is not None:
        # Past is what the source says of an office it no longer lists.
        allowed = {"good", "bad"} if point.status != "past" else set()
    if status not in allowed:
        raise Refused(_("That cannot be said of this contact point."))
    if note and len(note) > rules.MOST_NOTE:
        raise Refused(_("Use at most %(most)s characters.", most=rules.MOST_NOTE))
    values = {
        "status": status,
        "checked_on": today,
        "note": (note or None) if status != "good" else None,
    }
    changes = audit.difference(point, values)
    for field, new in values.items():
        setattr(point, field, new)
    db.session.flush()
    audit.record("mark_contact_point", "contact_point", point.id, by=by, changes=changes)


def _check_contact(kind: str, value: str) -> None:
    if kind not in rules.CONTACT_KINDS:
        raise Refused(_("Choose a kind."), field="kind")
    if kind in ("web form", "website", "social") and not rules.is_link(value):
        raise Refused(_("Give the address with https:// in front."), field="value")
    if kind == "email" and not rules.looks_like_email(value):
        raise Refused(_("This is not an e-mail address."), field="value")
    if kind in ("phone", "fax") and not any(c.isdigit() for c in value):
        raise Refused(_("A number needs digits."), field="value")
