"""Pages of targets: the list, one target, what is kept by hand, imports."""

from typing import Any

from flask import (
    Blueprint,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_login import current_user

from crm.accounts.rules import local_path
from crm.core import db, paging, shell
from crm.core.access import Can, requires
from crm.core.i18n import today
from crm.core.shell import Hit
from crm.core.text import one_line
from crm.targets import operations, queries, rules
from crm.targets.change_queries import changes_of_target
from crm.targets.duplicates import merges_into
from crm.targets.forms import (
    ContactForm,
    NoteForm,
    OfficeForm,
    TargetForm,
    filter_args,
    filter_from,
)
from crm.targets.models import ContactPoint, Target

blueprint = Blueprint("targets", __name__)

#: Hits a picker gets.
FOUND = 10
#: Changes a target's page tells.
CHANGES = 5


@blueprint.get("/targets")
@requires(Can.SEE)
def index() -> Any:
    wanted = filter_from(request.args)
    sort = request.args.get("sort", "name")
    if sort not in ("name", "-name", "state", "-state"):
        sort = "name"
    page = paging.page_of(queries.targets(wanted, sort=sort), number=paging.page_number())
    return render_template(
        "targets/index.html",
        page=page,
        offices=queries.offices([target.id for target in page.rows]),
        wanted=wanted,
        asked=filter_args(wanted),
        sort=sort,
        choices=queries.filter_choices(),
        lists=db.session.execute(queries.target_lists()).all(),
        kinds=rules.KINDS,
    )


@blueprint.get("/targets/find.json")
@requires(Can.SEE)
def find() -> Any:
    found = queries.find_targets(request.args.get("q", "")[:100], FOUND)
    offices = queries.offices([target.id for target in found])
    return jsonify(
        [{"id": each.id, "name": each.name, "office": _detail(each, offices)} for each in found]
    )


def find_for_search(query: str, limit: int) -> list[Hit]:
    """What the search box finds among targets."""
    found = queries.find_targets(query, limit)
    offices = queries.offices([target.id for target in found])
    return [
        Hit(each.name, _detail(each, offices), url_for("targets.page", target_id=each.id))
        for each in found
    ]


def _detail(target: Target, offices: dict[int, queries.Office]) -> str:
    if office := offices.get(target.id):
        return office.label
    return target.sub_region or str(rules.KINDS.get(target.kind, target.kind))


@blueprint.get("/targets/<int:target_id>")
@requires(Can.SEE)
def page(target_id: int) -> Any:
    target, has_merged = queries.for_page(target_id)
    if target.merged_into_id is not None:
        return redirect(url_for("targets.page", target_id=target.merged_into_id), 302)
    terms = queries.terms(target.id)
    points, marks = queries.contact_points_and_marks(target.id)
    return render_template(
        "targets/page.html",
        target=target,
        office=next(((t, p, b) for t, p, b in terms if t.is_current), None),
        terms=terms,
        contact_points=points,
        marks=marks,
        contact_kinds=rules.CONTACT_KINDS,
        contact_statuses=rules.CONTACT_STATUSES,
        marking=request.args.get("contacts") == "mark",
        is_link=rules.is_link,
        area_name=rules.area_name,
        committees=_committees(
            queries.committee_seats(target.id) if target.kind in rules.PERSONS else []
        ),
        identifiers=queries.identifiers(target.id),
        changes=changes_of_target(target.id, CHANGES),
        change_kinds=rules.CHANGES,
        kinds=rules.KINDS,
        panels=shell.panels("target", target),
        merges=merges_into(target.id) if has_merged else [],
    )


def _committees(seats: list[Any]) -> list[Any]:
    """Seats by committee: (its seat or None, committee, subcommittees as (seat, body), chamber).

    The chamber is told of a state's, whose committees bear short names: Education of which.
    """
    found: dict[int, Any] = {}
    for seat, body, above in seats:
        if body.classification != "subcommittee":
            chamber = above.name if above is not None and body.key.startswith("us-") else None
            found[body.id] = (seat, body, [], chamber)
        else:
            found.setdefault(above.id, (None, above, [], None))[2].append((seat, body))
    return list(found.values())


# Kept by hand


@blueprint.route("/targets/new", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def new() -> Any:
    form = TargetForm()
    target = form.carry(lambda: operations.add_target(by=current_user, **_typed(form)))
    if target is not None:
        flash(_("%(name)s added. Say what office they hold, if any.", name=target.name), "success")
        return redirect(url_for("targets.page", target_id=target.id), 303)
    return render_template(
        "targets/edit.html", form=form, target=None, kinds=rules.KINDS
    ), form.status


@blueprint.route("/targets/<int:target_id>/edit", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def edit(target_id: int) -> Any:
    target = queries.target(target_id)
    imported = operations.is_imported(target)
    form = NoteForm(obj=target) if imported else TargetForm(obj=target)

    def change() -> bool:
        operations.change_target(target, by=current_user, **_typed(form))
        return True

    if not imported:
        # What something is does not change; a mistake is added anew.
        del form.kind
    if form.carry(change):
        flash(_("%(name)s saved.", name=target.name), "success")
        return redirect(url_for("targets.page", target_id=target_id), 303)
    target = queries.target(target_id)
    return render_template(
        "targets/edit.html", form=form, target=target, imported=imported, kinds=rules.KINDS
    ), form.status


def _typed(form: Any) -> dict[str, Any]:
    """What the form holds, empty as None."""
    return {name: value or None for name, value in form.data.items() if name != "csrf_token"}


@blueprint.route("/targets/<int:target_id>/offices/new", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def new_office(target_id: int) -> Any:
    target = queries.target(target_id)
    form = OfficeForm()
    done = form.carry(
        lambda: operations.hold_post(target, by=current_user, today=today(), **_typed(form))
    )
    if done:
        flash(_("Office saved."), "success")
        return redirect(url_for("targets.page", target_id=target_id), 303)
    target = queries.target(target_id)
    return render_template(
        "targets/part.html", form=form, target=target, title=_("Add an office held")
    ), form.status


@blueprint.route("/targets/<int:target_id>/contact-points/new", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def new_contact_point(target_id: int) -> Any:
    target = queries.target(target_id)
    form = ContactForm()
    done = form.carry(
        lambda: operations.add_contact_point(target, by=current_user, today=today(), **_typed(form))
    )
    if done:
        flash(_("Contact point added."), "success")
        return redirect(url_for("targets.page", target_id=target_id), 303)
    target = queries.target(target_id)
    return render_template(
        "targets/part.html", form=form, target=target, title=_("Add a contact point")
    ), form.status


@blueprint.route("/targets/contact-points/<int:point_id>", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def contact_point(point_id: int) -> Any:
    point = _contact_point(point_id)
    target_id = point.target_id or 0
    form = ContactForm(obj=point)

    def change() -> bool:
        operations.change_contact_point(point, by=current_user, today=today(), **_typed(form))
        return True

    if form.carry(change):
        flash(_("Contact point saved."), "success")
        return redirect(url_for("targets.page", target_id=target_id), 303)
    return render_template(
        "targets/part.html",
        form=form,
        target=queries.target(target_id),
        title=_("Change a contact point"),
    ), form.status


@blueprint.post("/targets/contact-points/<int:point_id>/mark")
@requires(Can.EDIT_TARGETS)
def mark_contact_point(point_id: int) -> Any:
    point = _contact_point(point_id)
    status, was = request.form.get("status", ""), point.status
    note = one_line(request.form.get("note", ""))
    operations.mark_contact_point(point, status=status, note=note, by=current_user, today=today())
    if status == was == "good":
        flash(_("%(what)s: still right, checked today.", what=point.label), "success")
    else:
        words = rules.CONTACT_STATUSES[status]
        flash(_("%(what)s: now marked as %(status)s.", what=point.label, status=words), "success")
    # Whoever goes through many comes back to where they were.
    back = local_path(request.form.get("back"))
    return redirect(back or url_for("targets.page", target_id=point.target_id), 303)


def _contact_point(point_id: int) -> ContactPoint:
    return (
        db.session.query(ContactPoint)
        .filter(ContactPoint.id == point_id, ContactPoint.target_id.is_not(None))
        .one()
    )
