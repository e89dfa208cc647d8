"""Save a report under a name, open it by its link, share it, mail it, delete it."""

from contextlib import suppress
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.core.paging import page_number, page_of
from crm.members.disclosure import Viewer
from crm.reports import saved, sources
from crm.reports.catalogue import reports
from crm.reports.groups import grouped
from crm.reports.keep_forms import FreezeForm, SavedForm, SaveForm
from crm.reports.models import SavedReport
from crm.reports.views import blueprint

#: Of each kind on the page of reports; the list has all.
_FEW = 8


@blueprint.context_processor
def _kept() -> dict[str, Any]:
    return {
        "freeze_form": lambda: FreezeForm(formdata=None),
        "save_form": lambda: SaveForm(formdata=None),
        "report_title": _title,
        "shared_words": _shared,
        "mailable": lambda name: name in reports(),
        "saved_few": few,
        "grouped": grouped,
        "whole_reports": _beside,
    }


@blueprint.post("/reports/<name>/save")
@requires(Can.SEE_REPORTS)
def save(name: str) -> Any:
    """Keep the report of the address under a name; its page says who may open it."""
    source = sources.source(name) or abort(404)
    form = SaveForm()
    given = sources.given_by(request.args)
    kept = form.carry(
        lambda: saved.save_report(
            report=name, given=given, name=form.name.data or "", by=current_user
        )
    )
    if kept is None:
        body = render_template(
            "reports/save.html", source=source, form=form, given=given,
            address=source.address(given),
        )  # fmt: skip
        return body, 422
    flash(_("Saved. Only you may open it, unless you share it."), "success")
    return redirect(url_for(".edit_saved", code=kept.code), 303)


@blueprint.get("/reports/saved")
@requires(Can.SEE_REPORTS)
def saved_list() -> Any:
    """One's own and those shared with one; for administrators, also what was left behind."""
    is_admin = access.scope(current_user, Can.MANAGE_USERS).everywhere
    left = is_admin and "left" in request.args
    found = saved.left_behind() if left else saved.visible_to(current_user)
    return render_template(
        "reports/saved_list.html",
        page=page_of(found, number=page_number()),
        is_admin=is_admin,
        left=left,
    )


@blueprint.get("/reports/saved/<code>")
@requires(Can.SEE_REPORTS)
def open_saved(code: str) -> Any:
    """To the report with its filters, for who may open it."""
    kept = saved.saved(code, to=current_user)
    source = sources.source(kept.report) or abort(404)
    return redirect(source.address(saved.given_of(kept)), 303)


@blueprint.route("/reports/saved/<code>/edit", methods=["GET", "POST"])
@requires(Can.SEE_REPORTS)
def edit_saved(code: str) -> Any:
    """Its name, who may open it, by mail, away with it."""
    kept = saved.changeable(code, by=current_user)
    form = SavedForm(obj=kept)
    form.offer(access.scope(current_user, Can.SEE_REPORTS))

    def keep() -> bool:
        saved.edit_saved_report(
            kept,
            name=form.name.data or "",
            shared=form.shared.data or "",
            chapter_id=form.chapter_id.data,
            by=current_user,
        )
        return True

    if form.carry(keep):
        flash(_("Saved."), "success")
        return redirect(url_for(".edit_saved", code=kept.code), 303)
    # A refusal has undone what was read.
    kept = saved.changeable(code, by=current_user)
    body = render_template(
        "reports/saved.html",
        kept=kept,
        form=form,
        given=saved.given_of(kept),
        source=sources.source(kept.report),
        facts=_facts(kept),
        is_own=kept.owner_id == current_user.id,
    )
    return body, form.status


@blueprint.post("/reports/saved/<code>/delete")
@requires(Can.SEE_REPORTS)
def delete_saved(code: str) -> Any:
    """Away with it."""
    kept = saved.changeable(code, by=current_user)
    saved.delete_saved_report(kept, by=current_user)
    flash(_("“%(name)s” was deleted.", name=kept.name), "success")
    return redirect(url_for(".saved_list"), 303)


def few() -> dict[str, list[SavedReport]]:
    """Those of the page of reports: one's own, and those of others."""
    found = saved.visible_to(current_user)
    own = saved.of_owner(current_user.id)
    return {
        "own": list(db.session.scalars(found.where(own).limit(_FEW))),
        "theirs": list(db.session.scalars(found.where(~own).limit(_FEW))),
    }


def _facts(kept: SavedReport) -> list[tuple[str, str]]:
    """Its filters in words, as this reader may have them; none where they name nothing any more."""
    source = sources.source(kept.report)
    if source is not None:
        with suppress(Refused):
            reading = source.read(saved.given_of(kept), Viewer.of(current_user), today())
            return list(reading.facts)
    return []


def _beside() -> list[dict[str, Any]]:
    """Cards of the explorer and the progress report."""
    return [
        {"icon": each.icon, "title": each.title, "told": each.told, "url": each.address({})}
        for each in sources.beside_catalogue()
    ]


def _shared(kept: SavedReport) -> Any:
    if kept.shared == saved.CHAPTER and kept.chapter is not None:
        return _("%(chapter)s and below", chapter=kept.chapter.name)
    return saved.SHARED.get(kept.shared, kept.shared)


def _title(name: str) -> Any:
    found = sources.source(name)
    return found.title if found else name
