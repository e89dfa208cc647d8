"""A report with its filters under a name, and who may open it by its link.

What is kept is the address alone: whoever opens it sees what their own rights let them see.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import aliased, joinedload

from crm.accounts.models import User
from crm.core import access, audit, db, history
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.members.disclosure import Viewer
from crm.members.models import Chapter
from crm.reports import sources
from crm.reports.models import SavedReport

#: Reports one person keeps.
MOST = 200
ME, CHAPTER, ALL = "me", "chapter", "all"
SHARED: Mapping[str, Any] = {
    ME: _l("Me alone"),
    CHAPTER: _l("A chapter and those below it"),
    ALL: _l("All who may see reports"),
}


def init_app(app: Flask) -> None:
    """Say how saved reports are told in the record."""
    history.add_kind(
        app,
        "saved_report",
        history.Kind(
            _l("Saved report"),
            verbs={
                "save_report": _l("Saved"),
                "edit_saved_report": _l("Changed"),
                "delete_saved_report": _l("Deleted"),
            },
            fields={
                "name": _l("Name"),
                "report": _l("Report"),
                "filters": _l("Filters"),
                "shared": _l("Who may open it"),
                "chapter_id": _l("Chapter"),
            },
            values={"shared": lambda value: SHARED.get(value, value)},
            refs={"chapter_id": "chapter"},
            names=history.names_of(SavedReport.id, SavedReport.name),
        ),
    )


# Who may


def visible_to(user: Any) -> Select[SavedReport]:
    """Those the user may open, by name."""
    return (
        _whole(select(SavedReport))
        .where(or_(SavedReport.owner_id == user.id, _shared_with(user)))
        .order_by(func.lower(SavedReport.name), SavedReport.id)
    )


def of_owner(user_id: int) -> ColumnElement[bool]:
    """The condition that a saved report is somebody's own."""
    return SavedReport.owner_id == user_id


def left_behind() -> Select[SavedReport]:
    """Those whose owner does not sign in any more: an administrator says what becomes of them."""
    return (
        _whole(select(SavedReport))
        .join(User, User.id == SavedReport.owner_id)
        .where(User.active.is_(False))
        .order_by(func.lower(SavedReport.name), SavedReport.id)
    )


def saved(code: str, *, to: Any) -> SavedReport:
    """The one of this code. Raises `NoResultFound` where there is none, or not for this user."""
    return db.session.scalars(visible_to(to).where(SavedReport.code == code.upper())).one()


def changeable(code: str, *, by: Any) -> SavedReport:
    """The one of this code that `by` may change: the owner, an administrator of all."""
    found = db.session.scalars(
        _whole(select(SavedReport)).where(SavedReport.code == code.upper())
    ).one()
    if not may_change(found, by):
        raise NoResultFound
    return found


def may_change(kept: SavedReport, user: Any) -> bool:
    """Whether the user may rename, share and delete it."""
    return kept.owner_id == user.id or access.scope(user, Can.MANAGE_USERS).everywhere


def given_of(kept: SavedReport) -> dict[str, str]:
    """Its filters, as its address has them."""
    return dict(parse_qsl(kept.query))


def _shared_with(user: Any) -> ColumnElement[bool]:
    scope = access.scope(user, Can.SEE_REPORTS)
    if scope.everywhere:
        near: ColumnElement[bool] = true()
    else:
        mine, anchor = aliased(Chapter), aliased(Chapter)
        near = (
            select(mine.id)
            .join(anchor, mine.path.like(anchor.path.concat("%")))
            .where(
                mine.id.in_(scope.chapter_ids), anchor.id == SavedReport.chapter_id,
                anchor.path != "",
            )
            .correlate(SavedReport)
            .exists()
        )  # fmt: skip
    return or_(SavedReport.shared == ALL, and_(SavedReport.shared == CHAPTER, near))


def _whole(statement: Select[SavedReport]) -> Select[SavedReport]:
    return statement.options(joinedload(SavedReport.owner), joinedload(SavedReport.chapter))


# Operations


def save_report(
    *,
    report: str,
    given: Mapping[str, str],
    name: str,
    shared: str = ME,
    chapter_id: int | None = None,
    by: User,
) -> SavedReport:
    """Keep a report with its filters under a name. Raises `Refused`."""
    source = sources.source(report)
    if source is None or not access.may(by, Can.SEE_REPORTS):
        raise Refused(_("You may not see this report."))
    meant = source.read(given, Viewer.of(by), today()).moving
    db.take_turn(f"saved-report-{by.id}")
    theirs = select(func.count()).where(SavedReport.owner_id == by.id)
    if (db.session.scalar(theirs) or 0) >= MOST:
        raise Refused(
            _("You have %(most)s saved reports already. Delete one first.", most=MOST), "name"
        )
    kept = SavedReport(
        name=_name(name, owner_id=by.id),
        report=report,
        query=urlencode(sorted(meant.items())),
        owner_id=by.id,
        shared=shared,
        chapter_id=_chapter(shared, chapter_id, by),
    )
    db.session.add(kept)
    db.session.flush()
    audit.record(
        "save_report",
        "saved_report",
        kept.id,
        by=by,
        changes={"name": kept.name, "report": report, "filters": meant, "shared": shared,
                 "chapter_id": kept.chapter_id},
    )  # fmt: skip
    return kept


def edit_saved_report(
    kept: SavedReport, *, name: str, shared: str, chapter_id: int | None = None, by: User
) -> None:
    """Rename it, or share it otherwise. Raises `Refused`."""
    if not may_change(kept, by):
        raise Refused(_("This is changed by whoever saved it."))
    values = {
        "name": _name(name, owner_id=kept.owner_id, but=kept.id),
        "shared": shared,
        # What it is shared with may stay, also where an administrator only renames it.
        "chapter_id": chapter_id
        if shared == kept.shared == CHAPTER and chapter_id == kept.chapter_id
        else _chapter(shared, chapter_id, by),
    }
    changes = audit.difference(kept, values)
    if not changes:
        return
    for field, value in values.items():
        setattr(kept, field, value)
    db.session.flush()
    audit.record("edit_saved_report", "saved_report", kept.id, by=by, changes=changes)


def delete_saved_report(kept: SavedReport, *, by: User) -> None:
    """Forget it. What was frozen or mailed of it stays. Raises `Refused`."""
    if not may_change(kept, by):
        raise Refused(_("This is deleted by whoever saved it."))
    db.session.delete(kept)
    db.session.flush()
    audit.record(
        "delete_saved_report",
        "saved_report",
        kept.id,
        by=by,
        changes={"name": kept.name, "report": kept.report, "filters": given_of(kept)},
    )


def _name(name: str, *, owner_id: int, but: int | None = None) -> str:
    name = " ".join(name.split())
    if not name:
        raise Refused(_("Give it a name."), "name")
    same = select(SavedReport.id).where(
        SavedReport.owner_id == owner_id, func.lower(SavedReport.name) == name.lower()
    )
    if but is not None:
        same = same.where(SavedReport.id != but)
    if db.session.scalar(same.limit(1)) is not None:
        raise Refused(_("There is a saved report of this name already."), "name")
    return name


def _chapter(shared: str, chapter_id: int | None, by: User) -> int | None:
    if shared not in SHARED:
        raise Refused(_("Choose one of the list."), "shared")
    if shared != CHAPTER:
        return None
    if chapter_id is None or not access.may(by, Can.SEE_REPORTS, chapter_id):
        raise Refused(_("Choose one of your chapters."), "chapter_id")
    return chapter_id
