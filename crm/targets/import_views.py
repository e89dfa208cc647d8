"""Pages of imports: what there is to bring in, a look at it first, and what each import changed."""

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from flask import (
    Response,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.core import db, paging, reads
from crm.core.access import Can, requires
from crm.core.changes import changes_bytes
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.core.i18n import today
from crm.core.settings import in_force
from crm.targets import change_queries, kept, operations, queries, rules
from crm.targets.forms import HandoverForm, ImportForm
from crm.targets.handover import hand_over, handed
from crm.targets.intake import Taken
from crm.targets.seen import Seen
from crm.targets.sources import congress, openstates
from crm.targets.sources.reading import MAX_BYTES
from crm.targets.views import blueprint

#: Changes of each kind a look shows; the file has all.
SHOWN = 100


@blueprint.route("/targets/import", methods=["GET", "POST"])
@requires(Can.IMPORT_TARGETS)
def imports() -> Any:
    """What there is to bring in; a look at what it would change; carrying it out."""
    form = ImportForm()
    taken = form.carry(lambda: _carried_out(form))
    if taken is not None and form.do.data == "csv":
        return _file(f"{taken.importer}-changes.csv", changes_bytes(taken.changes))
    if taken is not None and form.do.data == "look":
        return render_template(
            "targets/import_look.html", taken=taken, form=form, groups=_grouped(taken.seen),
            shown=SHOWN, kinds=rules.CHANGES, seen=_fingerprint(taken),
        )  # fmt: skip
    if taken is not None:
        word = form.kept.data or ""
        db.after_commit(lambda: kept.forget(word))
        flash(told(taken), "success")
        for warning in taken.warnings[:5]:
            flash(warning, "warning")
        return redirect(url_for("targets.import_page", run_id=taken.run_id), 303)
    form.files.flags.required = True
    runs = paging.page_of(queries.import_runs(), number=paging.page_number(), size=20)
    return render_template(
        "targets/import.html",
        form=form,
        place=_congress_place(),
        stems=congress.STEMS,
        runs=runs,
        importers=rules.IMPORTERS,
        states_place=in_force().openstates_source or openstates.PUBLIC_ADDRESS,
    ), form.status


def _carried_out(form: ImportForm) -> Taken:
    """Import; for a look all is taken back. Raises `Refused` where a look has been overtaken."""
    # Reading takes seconds: others may write meanwhile.
    db.rollback()
    taken = _taken(form)
    if form.do.data != "import":
        db.rollback()
    elif form.seen.data and form.seen.data != _fingerprint(taken):
        raise Refused(_("What would change is not what you looked at any more. Look again."))
    return taken


def _taken(form: ImportForm) -> Taken:
    if form.what.data == "congress":
        return operations.import_congress(_congress_place(), by=current_user, today=today())
    if form.what.data == "governments":
        return operations.import_governments(by=current_user)
    if form.kept.data:
        uploads = kept.found(form.kept.data)
    else:
        sent = [form.archive.data] if form.what.data == "state" else form.files.data or ()
        uploads = [
            (each.filename or "", each.stream.read(MAX_BYTES + 1))
            for each in sent
            if each and each.filename
        ]
    if form.what.data == "state":
        taken = _taken_of_state(form.state.data, uploads)
        if not uploads:
            return taken
    elif not uploads:
        raise Refused(_("Choose at least one file."), field="files")
    else:
        taken = operations.import_congress_files(uploads, by=current_user, today=today())
    if form.do.data == "look" and not form.kept.data:
        form.kept.data = kept.keep(uploads)
    return taken


def _taken_of_state(state: str | None, uploads: Sequence[tuple[str, bytes]]) -> Taken:
    if uploads:
        name, content = uploads[0]
        return operations.import_openstates_file(
            name, content, state=state, by=current_user, today=today()
        )
    if not state:
        raise Refused(_("Choose a state."), field="state")
    public = in_force().openstates_source
    return operations.import_openstates(state, public=public, by=current_user, today=today())


def _congress_place() -> str:
    return in_force().congress_source or congress.PUBLIC_ADDRESS


def _fingerprint(taken: Taken) -> str:
    """The same for the same changes: what is carried out is what was looked at."""
    return hashlib.sha256(repr(taken.changes).encode()).hexdigest()


def _grouped(seen: Sequence[Seen]) -> list[tuple[str, list[Seen]]]:
    return [(kind, list(rows)) for kind, rows in groupby(seen, key=lambda row: row.kind)]


def told(taken: Taken) -> str:
    """What an import did, in a sentence."""
    counts = taken.counts
    return ngettext(
        "%(num)s target new, %(changed)s changed, %(left)s left, %(unchanged)s unchanged.",
        "%(num)s targets new, %(changed)s changed, %(left)s left, %(unchanged)s unchanged.",
        counts["new"],
        changed=counts["changed"],
        left=counts["left"],
        unchanged=counts["unchanged"],
    )


@blueprint.get("/targets/imports/<int:run_id>")
@requires(Can.IMPORT_TARGETS)
def import_page(run_id: int) -> Any:
    """One import: the summary and what it changed, by kind."""
    run = change_queries.import_run(run_id)
    # From the page of one target come those who want its lines alone.
    target_id = parse_id(request.args.get("target"))
    counted = change_queries.kinds_of_run(run_id, target_id)
    kind = request.args.get("kind")
    kind = kind if kind in counted else None
    return render_template(
        "targets/import_page.html",
        run=run,
        kind=kind,
        target=queries.target(target_id) if target_id else None,
        counted=counted,
        kinds=rules.CHANGES,
        words=rules.SUMMARY,
        page=paging.page_of(
            change_queries.changes_of_run(run_id, kind, target_id),
            number=paging.page_number(),
            scalars=False,
        ),
        hands=bool(counted.keys() & {"left", "moved", "district"}),
    )


@blueprint.get("/targets/imports/<int:run_id>/changes.csv")
@requires(Can.IMPORT_TARGETS)
def import_changes(run_id: int) -> Any:
    """The changes file of an import."""
    run = change_queries.import_run(run_id)
    kind = request.args.get("kind")
    reads.export("import_changes", format="csv", filters={"import": run.id})
    lines = change_queries.lines_of_run(run, kind if kind in rules.CHANGES else None)
    return _file(f"{run.importer}-{run.at:%Y-%m-%d}-changes.csv", changes_bytes(lines))


def _file(name: str, pieces: Any) -> Response:
    response = Response(b"".join(pieces), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.route("/targets/imports/<int:run_id>/handover", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def handover(run_id: int) -> Any:
    """Posts that changed hands, and what hangs on who held them: tick and hand over, at once."""
    form = HandoverForm()
    ticked = form.choices(request.form)
    done = form.carry(lambda: hand_over(run_id, ticked, by=current_user))
    if done:
        flash(
            ngettext("%(num)s thing handed over.", "%(num)s things handed over.", done), "success"
        )
        return redirect(url_for("targets.handover", run_id=run_id), 303)
    run = change_queries.import_run(run_id)
    posts = handed(run_id, current_user)
    return render_template(
        "targets/handover.html",
        run=run,
        form=form,
        posts=[post for post in posts if post.open],
        others=[post for post in posts if not post.open],
        ticked=set(request.form.getlist("ticks")),
    ), form.status
