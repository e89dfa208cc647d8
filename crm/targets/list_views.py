"""Pages of target lists: kept from a filter or from names typed one a line."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.core import db, paging
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.targets import operations, queries, rules
from crm.targets.forms import ListForm, NamesForm, NewListForm, chosen, filter_args, filter_from
from crm.targets.models import TargetList
from crm.targets.queries import TargetFilter
from crm.targets.views import blueprint


@blueprint.get("/targets/lists")
@requires(Can.SEE)
def lists() -> Any:
    page = paging.page_of(queries.target_lists(), number=paging.page_number(), scalars=False)
    return render_template("targets/lists.html", page=page)


@blueprint.route("/targets/lists/new", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def new_list() -> Any:
    wanted = filter_from(request.args)
    form = NewListForm()
    if wanted:
        del form.names
    matches = _matches(form.names.data) if form.is_submitted() and not wanted else []

    def keep() -> TargetList:
        ids = _filtered_ids(wanted) if wanted else _named_ids(matches)
        return operations.keep_list(
            name=form.name.data, note=form.note.data or None, target_ids=ids, by=current_user
        )

    kept = form.carry(keep)
    if kept is not None:
        flash(_("“%(name)s” kept.", name=kept.name), "success")
        return redirect(url_for("targets.list_page", slug=kept.slug), 303)
    count = paging.page_of(queries.targets(wanted), number=1, size=6) if wanted else None
    return render_template(
        "targets/list_new.html",
        form=form,
        count=count,
        matches=matches,
        asked=filter_args(wanted),
    ), form.status


@blueprint.get("/targets/lists/<slug>")
@requires(Can.SEE)
def list_page(slug: str) -> Any:
    return _show(queries.target_list(slug), NamesForm(formdata=None), [])


def _show(kept: TargetList, form: NamesForm, matches: list[rules.Match]) -> Any:
    page = paging.page_of(
        queries.targets(TargetFilter(list_id=kept.id)), number=paging.page_number()
    )
    return render_template(
        "targets/list.html",
        kept=kept,
        page=page,
        offices=queries.offices([target.id for target in page.rows]),
        kinds=rules.KINDS,
        form=form,
        matches=matches,
    ), form.status


@blueprint.post("/targets/lists/<slug>/add")
@requires(Can.EDIT_TARGETS)
def add_to_list(slug: str) -> Any:
    form = NamesForm()
    matches = _matches(form.names.data)

    def add() -> int | None:
        return operations.add_to_list(
            queries.target_list(slug), _named_ids(matches), by=current_user
        )

    added = form.carry(add)
    if added is None:
        return _show(queries.target_list(slug), form, matches)
    flash(ngettext("%(num)s target added.", "%(num)s targets added.", added), "success")
    return redirect(url_for("targets.list_page", slug=slug), 303)


@blueprint.post("/targets/lists/<slug>/take-off/<int:target_id>")
@requires(Can.EDIT_TARGETS)
def take_off_list(slug: str, target_id: int) -> Any:
    operations.take_off_list(queries.target_list(slug), target_id, by=current_user)
    flash(_("Taken off the list."), "success")
    return redirect(url_for("targets.list_page", slug=slug), 303)


@blueprint.route("/targets/lists/<slug>/edit", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def edit_list(slug: str) -> Any:
    kept = queries.target_list(slug)
    form = ListForm(obj=kept)

    def rename() -> bool:
        operations.rename_list(
            kept, name=form.name.data, note=form.note.data or None, by=current_user
        )
        return True

    if form.carry(rename):
        flash(_("List saved."), "success")
        return redirect(url_for("targets.list_page", slug=slug), 303)
    return render_template(
        "targets/list_edit.html", form=form, kept=queries.target_list(slug)
    ), form.status


@blueprint.post("/targets/lists/<slug>/remove")
@requires(Can.EDIT_TARGETS)
def remove_list(slug: str) -> Any:
    kept = queries.target_list(slug)
    name = kept.name
    operations.remove_list(kept, by=current_user)
    flash(_("“%(name)s” removed. Its targets stay.", name=name), "success")
    return redirect(url_for("targets.lists"), 303)


def _matches(names: str | None) -> list[rules.Match]:
    """What the typed lines mean; each line once."""
    lines = dict.fromkeys(line.strip() for line in (names or "")[:20_000].splitlines())
    return queries.match_targets(list(lines)[:1000]) if any(lines) else []


def _named_ids(matches: list[rules.Match]) -> list[int]:
    ids, settled = chosen(matches, request.form)
    if not settled:
        raise Refused(_("Some names are not clear. Choose below who is meant, or leave them out."))
    if not ids:
        raise Refused(_("None of these names is left."), field="names")
    return ids


def _filtered_ids(wanted: TargetFilter) -> list[int]:
    statement = queries.targets(wanted).limit(operations.MOST_ON_A_LIST + 1)
    return [target.id for target in db.session.scalars(statement)]
