"""Settings of members: the fields an administrator defines, and the tags people typed."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from crm.core import db, i18n
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.members import field_operations, fields, tags
from crm.members.forms import EditFieldForm, FieldForm, MergeTagForm, TagForm
from crm.members.models import CustomField, Tag
from crm.members.views import blueprint


@blueprint.route("/settings/fields", methods=["GET", "POST"])
@requires(Can.DEFINE_FIELDS)
def custom_fields() -> Any:
    """The fields that are asked, in their order, and one more."""
    form = FieldForm()
    added = form.carry(
        lambda: field_operations.define_field(
            label=form.label.data,
            kind=form.kind.data,
            choices=form.lines,
            help=form.help.data,
            by=current_user,
        )
    )
    if added is not None:
        flash(_("“%(label)s” is asked from now on.", label=added.label), "success")
        return redirect(url_for("members.custom_fields"), 303)
    known = fields.defined(retired=True)
    page = render_template(
        "members/fields.html",
        form=form,
        asked=[each for each in known if each.retired_on is None],
        retired=[each for each in known if each.retired_on is not None],
        kinds=fields.KINDS,
    )
    return page, form.status


@blueprint.route("/settings/fields/<int:field_id>", methods=["GET", "POST"])
@requires(Can.DEFINE_FIELDS)
def custom_field(field_id: int) -> Any:
    """Another label, another help, more choices."""
    record = _field(field_id)
    form = EditFieldForm(data={"label": record.label, "help": record.help})
    changed = form.carry(
        lambda: field_operations.edit_field(
            field_id=field_id,
            label=form.label.data,
            more_choices=form.lines,
            help=form.help.data,
            by=current_user,
        )
    )
    if changed is not None:
        flash(_("The changes are kept."), "success")
        return redirect(url_for("members.custom_fields"), 303)
    page = render_template(
        "members/field.html", form=form, record=_field(field_id), kinds=fields.KINDS
    )
    return page, form.status


@blueprint.post("/settings/fields/<int:field_id>/<any(up, down, retire, restore):change>")
@requires(Can.DEFINE_FIELDS)
def change_field(field_id: int, change: str) -> Any:
    """Move a field, ask it no more, or ask it again."""
    _field(field_id)
    if change in ("up", "down"):
        field_operations.move_field(field_id=field_id, up=change == "up", by=current_user)
    elif change == "retire":
        field_operations.retire_field(field_id=field_id, by=current_user, today=i18n.today())
        flash(_("It is asked no more. What was answered is kept."), "success")
    else:
        field_operations.bring_back_field(field_id=field_id, by=current_user)
        flash(_("It is asked again."), "success")
    return redirect(url_for("members.custom_fields"), 303)


def _field(field_id: int) -> CustomField:
    return db.session.scalars(select(CustomField).where(CustomField.id == field_id)).one()


@blueprint.get("/settings/tags")
@requires(Can.DEFINE_FIELDS)
def all_tags() -> Any:
    """Every tag and how many have it."""
    by_kind: dict[str, list[Tag]] = {kind: [] for kind in tags.KINDS}
    for each in tags.all_tags():
        by_kind.setdefault(each.kind, []).append(each)
    return render_template(
        "members/tags.html",
        by_kind=by_kind,
        kinds=tags.KINDS,
        uses=field_operations.uses_of_tags(),
    )


@blueprint.route("/settings/tags/<int:tag_id>", methods=["GET", "POST"])
@requires(Can.DEFINE_FIELDS)
def tag(tag_id: int) -> Any:
    """Call a tag something else."""
    form = TagForm(data={"name": _tag(tag_id).name})
    renamed = form.carry(
        lambda: field_operations.rename_tag(tag_id=tag_id, name=form.name.data, by=current_user)
    )
    if renamed is not None:
        flash(_("The changes are kept."), "success")
        return redirect(url_for("members.all_tags"), 303)
    return _tag_page(tag_id, form, _merging(tag_id))


@blueprint.post("/settings/tags/<int:tag_id>/merge")
@requires(Can.DEFINE_FIELDS)
def merge_tag(tag_id: int) -> Any:
    """Let another tag take its place."""
    form = _merging(tag_id)
    kept = form.carry(
        lambda: field_operations.merge_tags(
            tag_id=tag_id, into_id=int(form.into_id.data), by=current_user
        )
    )
    if kept is not None:
        flash(_("They are one now: %(name)s.", name=kept.name), "success")
        return redirect(url_for("members.all_tags"), 303)
    return _tag_page(tag_id, TagForm(formdata=None, data={"name": _tag(tag_id).name}), form)


@blueprint.post("/settings/tags/<int:tag_id>/delete")
@requires(Can.DEFINE_FIELDS)
def delete_tag(tag_id: int) -> Any:
    """Take a tag nobody has away."""
    name = _tag(tag_id).name
    try:
        field_operations.delete_tag(tag_id=tag_id, by=current_user)
    except Refused as refusal:
        db.rollback()
        flash(str(refusal.message), "warning")
        return redirect(url_for("members.tag", tag_id=tag_id), 303)
    flash(_("“%(name)s” is gone.", name=name), "success")
    return redirect(url_for("members.all_tags"), 303)


def _merging(tag_id: int) -> MergeTagForm:
    record = _tag(tag_id)
    form = MergeTagForm()
    form.offer(
        (each.id, each.name)
        for each in tags.all_tags()
        if each.kind == record.kind and each.id != tag_id
    )
    return form


def _tag_page(tag_id: int, form: TagForm, merging: MergeTagForm) -> Any:
    page = render_template(
        "members/tag.html",
        form=form,
        merging=merging,
        record=_tag(tag_id),
        kinds=tags.KINDS,
        uses=field_operations.uses_of_tags().get(tag_id, 0),
    )
    return page, form.status


def _tag(tag_id: int) -> Tag:
    return db.session.scalars(select(Tag).where(Tag.id == tag_id)).one()
