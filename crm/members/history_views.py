"""The history of a member, a chapter and a user, and how entries about them are told."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import Flask, g, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import select

from crm.core import access, db, history, reads, shell
from crm.core.access import Can, requires
from crm.core.history import Kind, names_of
from crm.core.history_page import history_page
from crm.core.settings import in_force
from crm.members import fields, queries, tags
from crm.members.consent_rules import LABELS, Answer, Purpose
from crm.members.disclosure import Exit, Viewer, allowed, disclose
from crm.members.models import Chapter, Consent, Member
from crm.members.rules import AgeBand, band_name, is_minor, kind_name, role_name
from crm.members.views import blueprint

_CONTACT = frozenset({"email", "phone", "address", "postal_code"})
_NAMES = frozenset({"given_name", "family_name"})


def init_app(app: Flask) -> None:
    """Say how entries are told, and hang the way to a member's history on the page."""
    history.name_users = lambda ids: queries.user_names(ids, to=Viewer.of(current_user))
    history.add_kind(app, "member", _MEMBER)
    history.add_kind(app, "chapter", _CHAPTER)
    history.add_kind(app, "user_account", _USER)
    history.add_kind(app, "consent", Kind(_l("Consent"), keys=()))
    history.add_kind(app, "guardian", Kind(_l("Guardian"), keys=("guardian_id", "guardians")))
    history.add_kind(app, "departure", Kind(_l("What left with names")))
    history.add_kind(app, "import_run", Kind(_l("Import")))
    shell.add_panel(
        app, "member-actions", shell.Panel(90, "members/_history_link.html", _way_to_history)
    )


def _way_to_history(member: Member) -> dict[str, Any] | None:
    edits = access.scope(current_user, Can.EDIT_MEMBERS)
    if not edits.includes(*(each.chapter_id for each in member.memberships)):
        return None
    return {"href": url_for("members.history", member_id=member.id)}


@blueprint.get("/members/<int:member_id>/history", endpoint="history")
@requires(Can.EDIT_MEMBERS)
def of_member(member_id: int) -> Any:
    """Who changed what of a member, and why; who looked, for who may read the record."""
    member = queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    shown = disclose([member_id], to=Viewer.of(current_user), exit=Exit.PAGE)[member_id]
    withheld: set[str] = set()
    if not allowed([member_id], Purpose.CONTACT):
        # What it was before is a way to reach them too.
        withheld |= _CONTACT
    if not shown.is_named:
        withheld |= _NAMES
    if is_minor(member.age_band):
        reads.note("member", [member_id], "history")
    said = db.session.scalars(select(Consent.id).where(Consent.member_id == member_id)).all()
    return history_page(
        {"member": [member_id], "consent": said},
        name=shown.name,
        back=url_for("members.page", member_id=member_id),
        withheld={("member", member_id): withheld},
    )


@blueprint.get("/chapters/<slug>/history")
@requires(Can.SEE_MEMBERS)
def chapter_history(slug: str) -> Any:
    """Who changed what of a chapter."""
    record = queries.chapter(slug, access.scope(current_user, Can.SEE_MEMBERS))
    back = url_for("members.chapter", slug=slug)
    return history_page({"chapter": [record.id]}, name=record.name, back=back)


@blueprint.get("/settings/users/<int:user_id>/history")
@requires(Can.MANAGE_USERS)
def user_history(user_id: int) -> Any:
    """What was done to somebody's sign-in and roles."""
    record = queries.user(user_id, access.scope(current_user, Can.MANAGE_USERS))
    back = url_for("members.user", user_id=user_id)
    return history_page({"user_account": [user_id]}, name=record.name, back=back)


def _member_names(ids: Collection[int]) -> Mapping[int, str]:
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    return {number: each.name for number, each in shown.items()}


def _looked_at(whats: Any) -> str:
    words = {
        "contact": _("contact"),
        "consent": _("consent"),
        "history": _("history"),
        "hours": _("service hours"),
    }
    return ", ".join(words.get(each, str(each)) for each in whats)


def _age(band: Any) -> str:
    return str(band_name(band, in_force().age_limits) if band in set(AgeBand) else band)


def _purposes(names: Sequence[str]) -> str:
    return ", ".join(str(LABELS[each]) for each in Purpose if each in names)


def _answers(answers: Mapping[str, str]) -> str:
    """What was said, the yes first: “Yes: Photos; No: Named to the media”."""
    parts = []
    for answer, words in ((Answer.GIVEN, _("Yes")), (Answer.REFUSED, _("No"))):
        if said := [each for each, theirs in answers.items() if theirs == answer]:
            parts.append(f"{words}: {_purposes(said)}")
    return "; ".join(parts)


def _more_fields(name: str) -> Any:
    """What a kind of tags or an administrator's own field is called."""
    if name in tags.KINDS:
        return tags.KINDS[name]
    if not name.startswith("custom."):
        return None
    if "custom_labels" not in g:
        g.custom_labels = {each.key: each.label for each in fields.defined(retired=True)}
    return g.custom_labels.get(name.removeprefix("custom."))


_MEMBER = Kind(
    _l("Member"),
    verbs={
        "add_member": _l("Added"),
        "edit_member": _l("Changed"),
        "join_chapter": _l("Joined a chapter"),
        "leave_chapter": _l("Left a chapter"),
        "correct_membership": _l("Dates of a chapter corrected"),
        "record_consents": _l("Answers on consent recorded"),
        "withdraw_consent": _l("Consent withdrawn"),
        "add_guardian": _l("Guardian added"),
        "link_guardian": _l("Guardian added"),
        "change_guardian": _l("Guardian changed"),
        "unlink_guardian": _l("Guardian taken off"),
        "link_user": _l("Linked to an account"),
        "unlink_user": _l("Unlinked from an account"),
    },
    fields={
        "given_name": _l("First name"),
        "family_name": _l("Family name"),
        "email": _l("E-mail"),
        "phone": _l("Phone"),
        "graduation_year": _l("Graduates"),
        "age_band": _l("Age"),
        "note": _l("Note"),
        "chapter_id": _l("Chapter"),
        "joined_on": _l("Joined on"),
        "left_on": _l("Last day"),
        "starts_on": _l("From"),
        "ends_on": _l("Until"),
    },
    more_fields=_more_fields,
    values={"what": _looked_at, "age_band": _age, "answers": _answers, "purposes": _purposes},
    lists=("purposes", *tags.KINDS),
    keys=("member_id", "members", "member_ids"),
    names=_member_names,
    link=lambda number: url_for("members.page", member_id=number),
    hidden=("search", "age_band_on"),
)
_CHAPTER = Kind(
    _l("Chapter"),
    verbs={"add_chapter": _l("Added"), "edit_chapter": _l("Changed")},
    fields={
        "name": _l("Name"),
        "kind": _l("Kind"),
        "parent_id": _l("Under"),
        "place": _l("Place"),
        "address": _l("Return address"),
        "founded_on": _l("Founded on"),
        "closed_on": _l("Closed on"),
        "memberships": _l("Memberships that followed"),
    },
    values={"kind": kind_name},
    keys=("chapter_id", "parent_id", "chapters", "chapter_ids"),
    names=names_of(Chapter.id, Chapter.name),
)
_USER = Kind(
    _l("User"),
    verbs={
        "create_user": _l("Added"),
        "send_invitation": _l("Invited"),
        "accept_invitation": _l("Invitation taken up"),
        "sign_in": _l("Signed in"),
        "request_reset": _l("Asked for a new password"),
        "reset_link": _l("Given a link for a new password"),
        "reset_password": _l("New password by a link"),
        "change_password": _l("Password changed"),
        "set_password": _l("Password set"),
        "end_sessions": _l("Signed out everywhere"),
        "deactivate": _l("Shut out"),
        "activate": _l("Let in again"),
        "update_preferences": _l("Preferences changed"),
        "grant_role": _l("Given a role"),
        "revoke_role": _l("Role taken away"),
    },
    fields={
        "name": _l("Name"),
        "email": _l("E-mail"),
        "role": _l("Role"),
        "chapter_id": _l("Chapter"),
        "by_mail": _l("Sent by mail"),
        "active": _l("May sign in"),
    },
    values={"role": role_name},
    keys=("user_id", "by_id", "lead_id"),
    names=lambda ids: history.name_users(ids),
    link=lambda number: url_for("members.user", user_id=number),
)
