"""Pages of an import by spreadsheet: the file, its columns, every row before it is written."""

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.accounts.imports import undo_run
from crm.core import columns, db, mapping, staging
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.core.sheet_forms import (
    CHOICE_WORDS,
    VERDICT_WORDS,
    ReadingForm,
    UploadForm,
    field_choices,
    mapping_from,
)
from crm.core.sheet_pages import (
    asked_verdict,
    keep_choices,
    keep_upload,
    page_of_rows,
    read_otherwise,
    samples,
    table_of,
)
from crm.core.sheets import Table
from crm.core.staging import Staged
from crm.targets import change_queries
from crm.targets.forms import ImportForm
from crm.targets.sheets.check import check_rows
from crm.targets.sheets.fields import FIELDS, FIXED
from crm.targets.sheets.forms import MeaningForm
from crm.targets.sheets.meaning import checked_scheme, likely_kind, meaning, understood
from crm.targets.sheets.store import Store
from crm.targets.sheets.writing import import_rows
from crm.targets.views import blueprint


@blueprint.route("/targets/import/sheet", methods=["GET", "POST"])
@requires(Can.IMPORT_TARGETS)
def sheet() -> Any:
    form = UploadForm()
    staged = form.carry(lambda: keep_upload("targets", form, by_id=current_user.id))
    if staged is not None:
        return redirect(url_for("targets.sheet_columns", token=staged.token), 303)
    return render_template("targets/sheet.html", form=form), form.status


def _found(token: str) -> Staged | None:
    return staging.find_staged("targets", token, by_id=current_user.id)


def _gone() -> Any:
    flash(
        _("This file is not waiting any more: it was imported, or it is older than a day. See "
          "the imports so far, or give it again."),
        "warning",
    )  # fmt: skip
    return redirect(url_for("targets.imports"), 303)


@blueprint.route("/targets/import/sheet/<token>/columns", methods=["GET", "POST"])
@requires(Can.IMPORT_TARGETS)
def sheet_columns(token: str) -> Any:
    staged = _found(token)
    if staged is None:
        return _gone()
    form = MeaningForm()
    table = table_of(staged)
    if not form.is_submitted():
        chosen = _begin(form, staged, table)
    else:
        chosen = mapping_from(request.form, table)

    def check() -> bool:
        mapped = columns.checked(chosen, table.head, FIELDS)
        scheme = checked_scheme(form.scheme.data)
        fixed = {name: form[name].data for name in FIXED if form[name].data}
        said = meaning(
            table, mapped, kind=form.kind.data, fixed=fixed, order=form.dates.data or None
        )
        _look(staged, table, said, scheme)
        staged.about |= {
            "mapping": mapped, "kind": said.kind, "scheme": scheme, "fixed": fixed,
            "dates": form.dates.data, "list_name": form.list_name.data,
        }  # fmt: skip
        staged.keep()
        beside = {"kind": said.kind, "scheme": scheme, "fixed": fixed}
        mapping.remember("targets", table.head, mapped, beside, by=current_user)
        return True

    if form.carry(check):
        return redirect(url_for("targets.sheet_rows", token=token), 303)
    reading = ReadingForm(formdata=None)
    reading.offer(table)
    return render_template(
        "targets/sheet_columns.html",
        form=form,
        reading=reading,
        staged=staged,
        table=table,
        samples=samples(table),
        chosen=chosen,
        fields=field_choices(FIELDS),
    ), form.status


def _begin(form: MeaningForm, staged: Staged, table: Table) -> dict[str, str]:
    """Fill the form with what was said of this file, of this head before, or is guessed."""
    about = staged.about
    if "mapping" in about:
        mapped, beside = about["mapping"], about
    else:
        mapped, beside = understood(table)
    form.kind.data = beside.get("kind") or likely_kind(mapped)
    scheme = beside.get("scheme") or ""
    form.scheme.data = "" if scheme == "own" else scheme
    form.dates.data, form.list_name.data = about.get("dates") or "", about.get("list_name") or ""
    for name, value in (beside.get("fixed") or {}).items():
        if name in FIXED:
            form[name].data = value
    return dict(mapped)


def _look(staged: Staged, table: Table, said: Any, scheme: str) -> None:
    """Judge the rows: in a session of its own that only reads, so that others may write."""
    day = today()
    db.release()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with db.apart(app), Store(staged.folder / "rows.sqlite3") as store:
        staged.about["counts"] = check_rows(table, said, store, scheme=scheme, today=day)


@blueprint.post("/targets/import/sheet/<token>/reading")
@requires(Can.IMPORT_TARGETS)
def sheet_reading(token: str) -> Any:
    staged = _found(token)
    if staged is None:
        return _gone()
    try:
        read_otherwise(staged)
    except Refused as refusal:
        flash(refusal.message, "danger")
    return redirect(url_for("targets.sheet_columns", token=token), 303)


@blueprint.route("/targets/import/sheet/<token>", methods=["GET", "POST"])
@requires(Can.IMPORT_TARGETS)
def sheet_rows(token: str) -> Any:
    staged = _found(token)
    if staged is None:
        return _gone()
    if "counts" not in staged.about:
        return redirect(url_for("targets.sheet_columns", token=token), 303)
    with Store(staged.folder / "rows.sqlite3") as store:
        if request.method == "POST":
            keep_choices(store)
            flash(_("Choices kept."), "success")
            return redirect(request.full_path.rstrip("?"), 303)
        page = page_of_rows(store, staged.about["counts"])
        chosen = store.chosen()
    return render_template(
        "targets/sheet_rows.html",
        staged=staged,
        page=page,
        counts=staged.about["counts"],
        chosen=chosen,
        verdict=asked_verdict(),
        verdicts=VERDICT_WORDS,
        choices=CHOICE_WORDS,
        href=lambda number: url_for("targets.page", target_id=number),
        form=ImportForm(formdata=None),
    )


@blueprint.post("/targets/import/sheet/<token>/import")
@requires(Can.IMPORT_TARGETS)
def sheet_import(token: str) -> Any:
    staged = _found(token)
    if staged is None or "counts" not in staged.about:
        return _gone()
    about = staged.about
    try:
        with staging.taken(staged) as used, Store(used.folder / "rows.sqlite3") as store:
            keep_choices(store)
            done = import_rows(
                store,
                file=staged.name,
                scheme=about["scheme"],
                with_duplicates=request.form.get("which") == "all",
                list_name=about.get("list_name") or None,
                by=current_user,
                today=today(),
            )
    except Refused as refusal:
        db.rollback()
        flash(refusal.message, "danger")
        if not staged.folder.exists():
            return redirect(url_for("targets.imports"), 303)
        return redirect(url_for("targets.sheet_columns", token=token), 303)
    flash(
        ngettext(
            "%(num)s target new, %(changed)s changed, %(unchanged)s unchanged, "
            "%(skipped)s rows left out.",
            "%(num)s targets new, %(changed)s changed, %(unchanged)s unchanged, "
            "%(skipped)s rows left out.",
            done.counts["new"],
            changed=done.counts["changed"],
            unchanged=done.counts["unchanged"],
            skipped=done.counts["skipped"],
        ),
        "success",
    )
    return redirect(url_for("targets.import_page", run_id=done.run_id), 303)


@blueprint.post("/targets/import/sheet/<token>/forget")
@requires(Can.IMPORT_TARGETS)
def sheet_forget(token: str) -> Any:
    if staged := _found(token):
        staging.forget(staged)
    flash(_("The file was deleted. Nothing was imported."), "success")
    return redirect(url_for("targets.imports"), 303)


@blueprint.post("/targets/imports/<int:run_id>/undo")
@requires(Can.IMPORT_TARGETS)
def undo_sheet(run_id: int) -> Any:
    try:
        counts = undo_run(change_queries.import_run(run_id).id, by=current_user)
    except Refused as refusal:
        db.rollback()
        flash(refusal.message, "danger")
    else:
        flash(
            ngettext(
                "Import undone: %(num)s target removed, %(restored)s changes taken back.",
                "Import undone: %(num)s targets removed, %(restored)s changes taken back.",
                counts["removed"],
                restored=counts["restored"],
            ),
            "success",
        )
    return redirect(url_for("targets.imports"), 303)
