"""Who may do what: permissions, the roles that carry them, and the guard before every view.

A view says `@requires(Can.X)` or `@public`; one that says neither is refused to everybody. Where a
role holds (a chapter and all below it, or everywhere) is kept by the members room, which hands the
grants of a user up to here through `load_grants`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

View = TypeVar("View", bound=Callable[..., Any])


class Can(StrEnum):
    """What somebody may do."""

    OWN_ACCOUNT = "change their own sign-in and preferences"
    SEE = "see targets, campaigns and outreach"
    SEE_REPORTS = "see reports"
    SEE_MEMBERS = "see the members of their chapters"
    EDIT_MEMBERS = "add and change members of their chapters"
    KEEP_CONSENTS = "keep guardians and consents of members of their chapters"
    IMPORT_MEMBERS = "import members into their chapters"
    MERGE_MEMBERS = "merge members of their chapters"
    CLOSE_YEAR = "close a school year of their chapters"
    FORGET_MEMBERS = "forget members of their chapters"
    DEFINE_FIELDS = "define tags and fields of members"
    EDIT_CHAPTERS = "add and change chapters"
    EDIT_TARGETS = "add and change targets"
    IMPORT_TARGETS = "import targets"
    EDIT_TREATIES = "add to the treaty ledger"
    EDIT_CAMPAIGNS = "add and change campaigns"
    RECORD_POSITIONS = "record where targets stand"
    LOG_OUTREACH = "log outreach of their chapters"
    CORRECT_OUTREACH = "correct and undo what others logged in their chapters"
    RECORD_OUTCOMES = "record answers"
    DO_TASKS = "do their own tasks"
    ASSIGN_TASKS = "hand out tasks in their chapters"
    WRITE_TEXTS = "write texts"
    APPROVE_TEXTS = "approve texts that others wrote"
    MAKE_PACKS = "make, print and post packs of their chapters"
    SIGN_HOURS = "sign service hours of their chapters"
    EXPORT_REPORTS = "download reports"
    EXPORT_PEOPLE = "download lists that name members"
    MANAGE_USERS = "invite people and give them roles"
    READ_AUDIT = "read the record of who did and read what"


class Role(StrEnum):
    """What somebody is in a chapter, and so in every chapter below it."""

    ADMINISTRATOR = "administrator"
    STAFF = "staff"
    COORDINATOR = "coordinator"
    LEADER = "leader"
    MEMBER = "member"
    VIEWER = "viewer"


_VIEWER = frozenset({Can.SEE, Can.SEE_REPORTS})
_MEMBER = frozenset({Can.SEE, Can.DO_TASKS})
_LEADER = _VIEWER | {
    Can.DO_TASKS,
    Can.ASSIGN_TASKS,
    Can.WRITE_TEXTS,
    Can.MAKE_PACKS,
    Can.SEE_MEMBERS,
    Can.EDIT_MEMBERS,
    Can.KEEP_CONSENTS,
    Can.IMPORT_MEMBERS,
    Can.LOG_OUTREACH,
    Can.RECORD_OUTCOMES,
}
_COORDINATOR = _LEADER | {
    Can.CORRECT_OUTREACH,
    Can.MERGE_MEMBERS,
    Can.CLOSE_YEAR,
    Can.EDIT_TARGETS,
    Can.IMPORT_TARGETS,
    Can.EDIT_CAMPAIGNS,
    Can.RECORD_POSITIONS,
    Can.EXPORT_REPORTS,
    Can.APPROVE_TEXTS,
    Can.SIGN_HOURS,
}
_STAFF = _COORDINATOR | {
    Can.EDIT_CHAPTERS,
    Can.EDIT_TREATIES,
    Can.EXPORT_PEOPLE,
    Can.FORGET_MEMBERS,
}
_ADMINISTRATOR = _STAFF | {Can.MANAGE_USERS, Can.READ_AUDIT, Can.DEFINE_FIELDS}

#: The one table from roles to permissions.
ROLES: dict[Role, frozenset[Can]] = {
    Role.ADMINISTRATOR: _ADMINISTRATOR,
    Role.STAFF: _STAFF,
    Role.COORDINATOR: _COORDINATOR,
    Role.LEADER: _LEADER,
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _VIEWER,
}


@dataclass(frozen=True)
class Scope:
    """The chapters in which a permission holds."""

    everywhere: bool
    chapter_ids: frozenset[int]

    def includes(self, *chapter_ids: int) -> bool:
        """Whether it holds in at least one of these chapters."""
        return self.everywhere or not self.chapter_ids.isdisjoint(chapter_ids)

    def within(self, other: "Scope") -> "Scope":
        """Where both hold."""
        if self.everywhere:
            return other
        if other.everywhere:
            return self
        return Scope(everywhere=False, chapter_ids=self.chapter_ids & other.chapter_ids)

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.chapter_ids)


@dataclass(frozen=True)
class Grant:
    """A role held in some chapters; `chapter_ids` None means everywhere."""

    role: Role
    chapter_ids: frozenset[int] | None


class Grants:
    """All that one user holds."""

    def __init__(self, grants: Iterable[Grant] = ()):
        self.grants = tuple(grants)

    def can(self, can: Can) -> bool:
        """Whether the permission holds anywhere at all."""
        return can is Can.OWN_ACCOUNT or any(can in ROLES[g.role] for g in self.grants)

    def scope(self, can: Can) -> Scope:
        """Where the permission holds."""
        giving = [grant for grant in self.grants if can in ROLES[grant.role]]
        chapters = [g.chapter_ids for g in giving if g.chapter_ids is not None]
        return Scope(
            everywhere=len(chapters) < len(giving),
            chapter_ids=frozenset().union(*chapters),
        )


def _no_grants(_user_id: int) -> Grants:
    return Grants()


#: Set by the members room: from a user's id to what the user holds.
load_grants: Callable[[int], Grants] = _no_grants


def grants(user: Any) -> Grants:
    """What `user` holds, read once a request."""
    if user is None or not user.is_authenticated:
        return Grants()
    kept: dict[int, Grants] = g.setdefault("grants", {})
    if user.id not in kept:
        kept[user.id] = load_grants(user.id)
    return kept[user.id]


def scope(user: Any, can: Can) -> Scope:
    """Where `user` may do this."""
    return grants(user).scope(can)


def may(user: Any, can: Can, *chapter_ids: int) -> bool:
    """Whether `user` may do this in one of the chapters, or anywhere when none is named."""
    if not chapter_ids:
        return grants(user).can(can)
    return scope(user, can).includes(*chapter_ids)


def requires(can: Can) -> Callable[[View], View]:
    """Let only those in who hold the permission somewhere."""

    def mark(view: View) -> View:
        view.access = can  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Let everybody in, signed in or not."""
    view.access = "public"  # type: ignore[attr-defined]
    return view


def access_of(app: Flask, endpoint: str) -> Can | str | None:
    """What the view behind an endpoint asks for: a permission, `public`, or None (refused)."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return "public"
    return getattr(app.view_functions.get(endpoint), "access", None)


def init_app(app: Flask) -> None:
    """Put the guard before every view."""
    app.before_request(_guard)


def _guard() -> Response | None:
    if request.endpoint is None:
        return None
    needed = access_of(current_app, request.endpoint)
    if needed == "public":
        return None
    if not current_user.is_authenticated:
        if request.method == "GET":
            return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")), 303)
        abort(403)
    if not isinstance(needed, Can) or not grants(current_user).can(needed):
        abort(403)
    return None
