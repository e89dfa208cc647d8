"""Pages of an import of a roster: the file, its columns, every row before it is written.

A short list is looked at and written while the page waits; a long one in the background, with a
page that tells how far it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import select

from crm.accounts.imports import undo_run
from crm.accounts.models import User
from crm.core import access, background, db, mapping, paging, shell, staging
from crm.core.access import Can, Scope, requires
from crm.core.background import Moved, Progress
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.core.i18n import today
from crm.core.judged import Judged
from crm.core.settings import in_force
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
from crm.members import queries
from crm.members.disclosure import Exit, Shown, Viewer, disclose
from crm.members.forms import chapter_choices
from crm.members.models import Member
from crm.members.rules import band_name
from crm.members.sheets import runs
from crm.members.sheets.check import check_rows
from crm.members.sheets.fields import all_fields
from crm.members.sheets.forms import MeaningForm, SendForm
from crm.members.sheets.meaning import IMPORTER, checked, meaning, understood
from crm.members.sheets.store import Store
from crm.members.sheets.writing import Imported, import_rows
from crm.members.views import blueprint

#: Rows that are looked at, and written, while the page waits.
SMALL = 500
LOOK, WRITE = "look", "write"
#: What a row changes of ways to reach somebody: what they were is shown as far as it may be.
_DETAILS = ("email", "phone", "address", "postal_code", "note", "age_band")
_ROWS = "rows.sqlite3"


def _scope() -> Scope:
    return access.scope(current_user, Can.IMPORT_MEMBERS)


def show_button(_record: Any) -> dict[str, Any] | None:
    """The way here from the list of members."""
    return {} if access.may(current_user, Can.IMPORT_MEMBERS) else None


BUTTON = shell.Panel(20, "members/_import_button.html", show_button)


@blueprint.route("/members/import", methods=["GET", "POST"])
@requires(Can.IMPORT_MEMBERS)
def imports() -> Any:
    """The file; and the imports so far."""
    form = UploadForm()
    staged = form.carry(lambda: keep_upload(IMPORTER, form, by_id=current_user.id))
    if staged is not None:
        return redirect(url_for("members.import_columns", token=staged.token), 303)
    page = paging.page_of(runs.runs(_scope()), number=paging.page_number(), size=20)
    return render_template("members/import.html", form=form, runs=page), form.status


def _found(token: str) -> Staged | None:
    return staging.find_staged(IMPORTER, token, by_id=current_user.id)


def _gone() -> Any:
    flash(
        _("This file is not waiting any more: it is older than a day, or was deleted. See the "
          "imports so far, or give it again."),
        "warning",
    )  # fmt: skip
    return redirect(url_for("members.imports"), 303)


def _imported(run_id: int) -> Any:
    return redirect(url_for("members.import_page", run_id=run_id), 303)


# The columns


@blueprint.route("/members/import/<token>/columns", methods=["GET", "POST"])
@requires(Can.IMPORT_MEMBERS)
def import_columns(token: str) -> Any:
    staged = _found(token)
    if staged is None:
        return _gone()
    if run_id := runs.run_of(token):
        return _imported(run_id)
    if _is_going_on(staged):
        return redirect(url_for("members.import_rows_page", token=token), 303)
    form = MeaningForm()
    chapters = queries.chapters_in(_scope(), open_only=True)
    nothing = _("As the column says") if len(chapters) != 1 else None
    form.chapter_id.choices = chapter_choices(chapters, nothing)
    table, fields = table_of(staged), all_fields()
    if form.is_submitted():
        chosen = mapping_from(request.form, table)
    else:
        chosen, beside = (
            (staged.about["mapping"], staged.about)
            if "mapping" in staged.about
            else understood(table, fields)
        )
        form.chapter_id.data = str(beside.get("chapter") or "") or None
        form.dates.data = beside.get("dates") or ""

    def check() -> bool:
        _look(staged, table, form, chosen)
        return True

    if form.carry(check):
        return redirect(url_for("members.import_rows_page", token=token), 303)
    reading = ReadingForm(formdata=None)
    reading.offer(table)
    return render_template(
        "members/import_columns.html", form=form, reading=reading, staged=staged, table=table,
        samples=samples(table), chosen=chosen, fields=field_choices(fields),
    ), form.status  # fmt: skip


def _look(staged: Staged, table: Table, form: MeaningForm, chosen: dict[str, str]) -> None:
    """Judge the rows: at once, or in the background. Both only read, so that others may write."""
    mapped = checked(chosen, table.head)
    said: dict[str, Any] = {
        "chapter": parse_id(form.chapter_id.data),
        "dates": form.dates.data or None,
    }
    scope, day, by = _scope(), today(), current_user.id
    # What cannot be so is said at once.
    meaning(table, mapped, chapter_id=said["chapter"], scope=scope, today=day, order=said["dates"])
    is_small = _is_small(table)
    db.release()
    staged.about.pop("counts", None)
    staged.about |= {"mapping": mapped, **said}
    staged.keep()
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def judge(moved: Moved | None = None) -> dict[str, Any]:
        total = sum(1 for _row in table.rows()) if moved else 0
        with db.apart(app), Store(staged.folder / _ROWS) as store:
            read = meaning(
                table, mapped, chapter_id=said["chapter"], scope=scope, today=day,
                order=said["dates"],
            )  # fmt: skip
            counts = check_rows(table, read, store, scope=scope, progress=moved, total=total)
        staged.about["counts"] = counts
        staged.keep()
        return {}

    if is_small:
        with background.alone(staged.folder):
            judge()
            background.finish(staged.folder, LOOK, {})
    else:
        background.start(staged.folder, LOOK, judge)
    mapping.remember(IMPORTER, table.head, mapped, said, by=db.session.get(User, by))


def _is_small(table: Table) -> bool:
    return sum(1 for _row in islice(table.rows(), SMALL + 1)) <= SMALL


def _is_going_on(staged: Staged) -> bool:
    found = background.progress_of(staged.folder)
    return found is not None and found.state == background.RUNNING


@blueprint.post("/members/import/<token>/reading")
@requires(Can.IMPORT_MEMBERS)
def import_reading(token: str) -> Any:
    staged = _found(token)
    if staged is None:
        return _gone()
    try:
        if not _is_going_on(staged):
            read_otherwise(staged)
    except Refused as refusal:
        flash(refusal.message, "danger")
    return redirect(url_for("members.import_columns", token=token), 303)


# The rows


@blueprint.route("/members/import/<token>", methods=["GET", "POST"])
@requires(Can.IMPORT_MEMBERS)
def import_rows_page(token: str) -> Any:
    """Every row and what would become of it; while it is looked at or written, how far that is."""
    staged = _found(token)
    if staged is None:
        return _gone()
    if run_id := runs.run_of(token):
        return _imported(run_id)
    told = background.progress_of(staged.folder)
    if told and told.state == background.RUNNING:
        return render_template("members/import_progress.html", staged=staged, progress=told)
    # It may have been imported since this request began to read, and its rows are gone then.
    db.release()
    if run_id := runs.run_of(token):
        return _imported(run_id)
    if "counts" not in staged.about:
        if told and (sentence := _why_it_ended(told)):
            flash(sentence, "danger")
        return redirect(url_for("members.import_columns", token=token), 303)
    with Store(staged.folder / _ROWS) as store:
        if request.method == "POST":
            keep_choices(store)
            flash(_("Choices kept."), "success")
            return redirect(request.full_path.rstrip("?"), 303)
        page = page_of_rows(store, staged.about["counts"])
        chosen = store.chosen()
    return render_template(
        "members/import_rows.html",
        staged=staged,
        page=replace(page, rows=_with_what_was(page.rows)),
        counts=staged.about["counts"],
        chosen=chosen,
        verdict=asked_verdict(),
        verdicts=VERDICT_WORDS,
        choices=CHOICE_WORDS,
        href=lambda number: url_for("members.page", member_id=number),
        form=SendForm(formdata=None),
        notice=_why_it_ended(told) if told and told.what == WRITE else None,
    )


def _why_it_ended(told: Progress) -> str | None:
    """Why a work was not done, in a sentence; None where it was."""
    if told.state == background.REFUSED:
        return told.told
    if told.state == background.INTERRUPTED:
        return (
            _("The import was interrupted: the program was stopped. Nothing of it was written. "
              "Begin again below.")
            if told.what == WRITE
            else _("Looking at the rows was interrupted: the program was stopped. Begin again "
                   "below.")
        )  # fmt: skip
    if told.state == background.FAILED:
        return _("Something went wrong on our side. Nothing was imported. Try again, and tell "
                 "whoever runs this if it happens again.")  # fmt: skip
    return None


def _with_what_was(rows: Sequence[Judged]) -> list[Judged]:
    """Rows with what the members were before, as far as the reader may be told."""
    known = [row for row in rows if row.record_id]
    asked = [row.record_id for row in known if any(name in _DETAILS for name, *_ in row.told)]
    shown = disclose(
        [row.record_id for row in known if row.record_id], to=Viewer.of(current_user),
        exit=Exit.PAGE,
    )  # fmt: skip
    shown |= disclose(
        [each for each in asked if each], to=Viewer.of(current_user), exit=Exit.PAGE, details=True
    )
    years = dict(
        db.session.execute(
            select(Member.id, Member.graduation_year).where(Member.id.in_(shown))
        ).all()
    )
    found = []
    for row in rows:
        if row.verdict == "error":
            found.append(row)
            continue
        who = shown.get(row.record_id or 0)
        told = [(what, _old(name, who, years), new) for name, what, new in row.told]
        reason = row.reason
        if who and row.verdict == "duplicate":
            reason = _("May be %(name)s, %(chapters)s. %(why)s",
                       name=who.name, chapters=who.chapters, why=row.reason or "")  # fmt: skip
        found.append(replace(row, told=told, reason=reason))
    return found


def _old(name: str, who: Shown | None, years: dict[int, int | None]) -> str:
    if who is None:
        return ""
    if name == "graduation_year":
        return str(years.get(who.member_id) or "")
    if name not in _DETAILS:
        return ""
    if name in who.withheld:
        return _("not for you to see")
    value = getattr(who, name) or ""
    return band_name(value, in_force().age_limits) if name == "age_band" and value else value


# Writing


@blueprint.post("/members/import/<token>/import")
@requires(Can.IMPORT_MEMBERS)
def import_carry_out(token: str) -> Any:
    """Write them; a second click finds what the first has done."""
    staged = _found(token)
    if staged is None:
        return _gone()
    if run_id := runs.run_of(token):
        flash(_("This file was imported already."), "warning")
        return _imported(run_id)
    if "counts" not in staged.about or _is_going_on(staged):
        return redirect(url_for("members.import_rows_page", token=token), 303)
    counts, day, by = staged.about["counts"], today(), current_user.id
    with_duplicates = request.form.get("which") == "all"
    written = counts["new"] + counts["update"] + (counts["duplicate"] if with_duplicates else 0)
    try:
        with Store(staged.folder / _ROWS) as store:
            keep_choices(store)
        if written > SMALL:
            db.release()
            background.start(
                staged.folder, WRITE,
                lambda moved: _write_apart(staged, with_duplicates, day, by, moved),
            )  # fmt: skip
            return redirect(url_for("members.import_rows_page", token=token), 303)
        with background.alone(staged.folder):
            done = _write(staged, with_duplicates, day, current_user)
    except Refused as refusal:
        db.rollback()
        flash(refusal.message, "danger")
        return redirect(url_for("members.import_columns", token=token), 303)
    db.after_commit(lambda: _tidy(staged))
    flash(told_of(done.counts), "success")
    return _imported(done.run_id)


def _write(
    staged: Staged, with_duplicates: bool, day: date, by: Any, moved: Moved | None = None
) -> Imported:
    with Store(staged.folder / _ROWS) as store:
        return import_rows(
            store,
            file=staged.name,
            with_duplicates=with_duplicates,
            once=runs.once(staged.token),
            by=by,
            today=day,
            progress=moved,
        )


def _write_apart(
    staged: Staged, with_duplicates: bool, day: date, by_id: int, moved: Moved
) -> dict[str, Any]:
    with db.unit_of_work():
        by = db.session.get_one(User, by_id)
        done = _write(staged, with_duplicates, day, by, moved)
    _tidy(staged)
    return {"run_id": done.run_id}


def _tidy(staged: Staged) -> None:
    """What was sent goes once it is imported; that it was stays known for a day."""
    for path in (staged.file, staged.folder / _ROWS):
        path.unlink(missing_ok=True)


def told_of(counts: dict[str, int]) -> str:
    """What an import did, in a sentence."""
    return ngettext(
        "%(num)s member new, %(changed)s changed, %(unchanged)s unchanged, "
        "%(skipped)s rows left out.",
        "%(num)s members new, %(changed)s changed, %(unchanged)s unchanged, "
        "%(skipped)s rows left out.",
        counts["new"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        skipped=counts["skipped"],
    )


@blueprint.post("/members/import/<token>/forget")
@requires(Can.IMPORT_MEMBERS)
def import_forget(token: str) -> Any:
    staged = _found(token)
    if staged and not _is_going_on(staged):
        staging.forget(staged)
        flash(_("The file was deleted. Nothing was imported."), "success")
    return redirect(url_for("members.imports"), 303)


# What was imported


@blueprint.get("/members/imports/<int:run_id>")
@requires(Can.IMPORT_MEMBERS)
def import_page(run_id: int) -> Any:
    """One import: who, when, from what file, and whom it brought."""
    run = runs.run(run_id, _scope())
    page = paging.page_of(
        runs.members_of(run_id, access.scope(current_user, Can.SEE_MEMBERS)),
        number=paging.page_number(),
    )
    return render_template(
        "members/import_page.html",
        run=run,
        told=told_of(run.counts),
        chapters=runs.chapters_of(run),
        page=page,
        shown=disclose(page.rows, to=Viewer.of(current_user), exit=Exit.PAGE),
    )


@blueprint.post("/members/imports/<int:run_id>/undo")
@requires(Can.IMPORT_MEMBERS)
def import_undo(run_id: int) -> Any:
    try:
        counts = undo_run(runs.run(run_id, _scope()).id, by=current_user)
    except Refused as refusal:
        db.rollback()
        flash(refusal.message, "danger")
    else:
        flash(
            ngettext(
                "Import undone: %(num)s member removed, %(restored)s changes taken back.",
                "Import undone: %(num)s members removed, %(restored)s changes taken back.",
                counts["removed"],
                restored=counts["restored"],
            ),
            "success",
        )
    return _imported(run_id)
