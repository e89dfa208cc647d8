"""Pages of target lists: fixed (from a filter or from typed names) and by rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from crm.core import access, db, paging, shell
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.i18n import day as day_told
from crm.core.i18n import today
from crm.members.queries import colleagues
from crm.targets import list_operations as operations
from crm.targets import list_rules, queries, rules
from crm.targets.forms import (
    FreezeForm,
    KeptListForm,
    ListForm,
    NamesForm,
    NewListForm,
    chosen,
    filter_args,
    filter_from,
)
from crm.targets.list_queries import asking, is_on, sizes
from crm.targets.list_rules import Draft, Memory
from crm.targets.models import Target, TargetList
from crm.targets.queries import TargetFilter
from crm.targets.views import blueprint

#: Names shown of those a rule finds, before it is kept.
SHOWN = 12


@dataclass(frozen=True)
class Listing:
    """A list as its page shows it; what the rooms above hang there is about these targets."""

    kept: TargetList
    #: The day it is asked for; None for a fixed list.
    on: date | None
    is_on: ColumnElement[bool]
    told: list_rules.Told | None
    may_edit: bool


@blueprint.get("/targets/lists")
@requires(Can.SEE)
def lists() -> Any:
    page = paging.page_of(
        select(TargetList)
        .options(joinedload(TargetList.owner))
        .order_by(func.lower(TargetList.name), TargetList.id),
        number=paging.page_number(),
    )
    memory: Memory = {}
    return render_template(
        "targets/lists.html",
        page=page,
        sizes=sizes(page.rows, memory),
        told={each.id: _told(each, each.as_of, memory) for each in page.rows if each.rule},
    )


@blueprint.route("/targets/lists/new", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def new_list() -> Any:
    wanted = filter_from(request.args)
    form = NewListForm()
    if wanted:
        del form.names
    if not form.is_submitted():
        form.as_of.data = today()
    matches = _matches(form.names.data) if form.is_submitted() and not wanted else []

    def keep() -> TargetList:
        found = _filtered_ids(wanted) if wanted else _named_ids(matches)
        return operations.keep_list(
            name=form.name.data,
            note=form.note.data or None,
            as_of=form.as_of.data,
            target_ids=found,
            by=current_user,
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


@blueprint.route("/targets/lists/new/rule", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def new_rule_list() -> Any:
    form = ListForm()
    drafts = _sent() if form.is_submitted() else _of_filter(filter_from(request.args))

    def keep(rule: dict[str, Any]) -> str:
        kept = operations.keep_rule_list(
            name=form.name.data,
            note=form.note.data or None,
            as_of=form.as_of.data,
            rule=rule,
            by=current_user,
        )
        flash(_("“%(name)s” kept.", name=kept.name), "success")
        return kept.slug

    return _rule_form(form, drafts, keep, None)


@blueprint.route("/targets/lists/<slug>/rule", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def edit_rule(slug: str) -> Any:
    kept = queries.target_list(slug)
    if kept.rule is None:
        raise Refused(_("This list is fixed: put targets on it, or take them off."))
    form = ListForm(obj=kept)
    drafts = _sent() if form.is_submitted() else list_rules.drafts(kept.rule)

    def change(rule: dict[str, Any]) -> str:
        operations.change_rule(kept, rule=rule, by=current_user)
        operations.change_list(
            kept,
            name=form.name.data,
            note=form.note.data or None,
            as_of=form.as_of.data,
            owner_id=kept.owner_id,
            by=current_user,
        )
        flash(_("List saved."), "success")
        return slug

    return _rule_form(form, drafts, change, slug)


def _sent() -> list[Draft]:
    """The conditions as they were sent, with the one that was asked for or taken away."""
    drafts = list_rules.sent_drafts(request.form)
    dropped = request.form.get("drop", "")
    if dropped.isascii() and dropped.isdigit() and int(dropped[:3]) < len(drafts):
        del drafts[int(dropped[:3])]
    if "add" in request.form and len(drafts) < list_rules.MOST:
        added = list_rules.new_draft(request.form.get("kind", ""))
        drafts += [added] if added else []
    return drafts


def _of_filter(wanted: TargetFilter) -> list[Draft]:
    """The same that a filter asks for, as conditions; a typed name is none."""
    given: dict[str, dict[str, Any]] = {
        "kind": {"is": wanted.kind},
        "chamber": {"chamber": wanted.chamber},
        "area": {"area": wanted.area},
        "party": {"party": wanted.party},
        "committee": {"committee": wanted.committee},
        "region": {"region": wanted.region},
        "list": {"is": "on", "list": wanted.list_id},
    }
    return list_rules.drafts(
        list_rules.rule_of(
            [
                {"kind": kind, **{name: str(value) for name, value in values.items()}}
                for kind, values in given.items()
                if None not in values.values()
            ]
        )
    )


def _rule_form(form: ListForm, drafts: list[Draft], keep: Any, slug: str | None) -> Any:
    """The form of a rule. Its other buttons only show it again; `keep` gives the slug."""
    memory: Memory = {}
    saves = form.is_submitted() and "save" in request.form
    rule = None
    if drafts and "add" not in request.form:
        rule = list_rules.drafted(drafts, memory)
    if saves:
        found = form.carry(lambda: keep(_complete(drafts, rule)))
        if found is not None:
            return redirect(url_for("targets.list_page", slug=found), 303)
        # A refusal took back what was read.
        memory = {}
    finds = _found_by(rule, form.as_of.data, memory) if rule else None
    return render_template(
        "targets/list_rule.html",
        form=form,
        drafts=drafts,
        groups=list_rules.groups(),
        most=list_rules.MOST,
        memory=memory,
        finds=finds,
        slug=slug,
    ), 422 if saves else 200


def _complete(drafts: Sequence[Draft], rule: dict[str, Any] | None) -> dict[str, Any]:
    if rule is not None:
        return rule
    if not drafts:
        raise Refused(_("A rule needs at least one condition."))
    raise Refused(next(s for draft in drafts for s in draft.errors.values()))


def _found_by(rule: dict[str, Any], day: date | None, memory: Memory) -> Any:
    """Whom a rule that is not kept yet would find: how many, some names, its words."""
    asked = list_rules.Asking(day or today(), today(), memory)
    found = select(Target).where(list_rules.where(rule, asked), Target.merged_into_id.is_(None))
    page = paging.page_of(found.order_by(Target.sort_name, Target.id), number=1, size=SHOWN)
    return page, list_rules.tell(rule, day=day, memory=memory)


def _told(kept: TargetList, day: date | None, memory: Memory) -> list_rules.Told:
    return list_rules.tell(kept.rule, day=day, memory=memory)


@blueprint.get("/targets/lists/<slug>")
@requires(Can.SEE)
def list_page(slug: str) -> Any:
    return _show(_with_owner(slug), NamesForm(formdata=None), [])


def _with_owner(slug: str) -> TargetList:
    statement = select(TargetList).options(joinedload(TargetList.owner))
    return db.session.scalars(statement.where(TargetList.slug == slug)).one()


def _day_asked() -> date | None:
    """`?on=` of the address; what is no day is not asked for."""
    try:
        return date.fromisoformat(request.args.get("on", ""))
    except ValueError:
        return None


def listing(kept: TargetList) -> Listing:
    """A list as the address asks for it: one by rule on `?on=`, else on its own day."""
    memory: Memory = {}
    on = _day_asked() if kept.rule is not None else None
    asked = asking(kept, on=on, memory=memory)
    told = _told(kept, on or kept.as_of, memory) if kept.rule is not None else None
    return Listing(
        kept=kept,
        on=None if kept.rule is None else asked.day,
        is_on=is_on(kept, asked),
        told=told,
        may_edit=access.may(current_user, Can.EDIT_TARGETS),
    )


def _show(
    kept: TargetList,
    form: NamesForm,
    matches: list[rules.Match],
    freezing: FreezeForm | None = None,
) -> Any:
    shown = listing(kept)
    if freezing is None:
        freezing = FreezeForm(formdata=None)
        if shown.on is not None:
            freezing.on.data = shown.on
            freezing.name.data = _("%(name)s, %(day)s", name=kept.name, day=day_told(shown.on))[
                :100
            ]
    status = 422 if form.is_submitted() and (form.errors or form.form_errors) else 200
    if freezing.errors or freezing.form_errors:
        status = 422
    return render_template(
        "targets/list.html",
        kept=kept,
        listing=shown,
        form=form,
        matches=matches,
        freezing=freezing,
        today=today(),
        yesterday=today() - timedelta(days=1),
        panels=shell.panels("target_list", shown),
    ), status


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
        return _show(_with_owner(slug), form, matches)
    flash(ngettext("%(num)s target added.", "%(num)s targets added.", added), "success")
    return redirect(url_for("targets.list_page", slug=slug), 303)


@blueprint.post("/targets/lists/<slug>/take-off/<int:target_id>")
@requires(Can.EDIT_TARGETS)
def take_off_list(slug: str, target_id: int) -> Any:
    operations.take_off_list(queries.target_list(slug), target_id, by=current_user)
    flash(_("Taken off the list."), "success")
    return redirect(url_for("targets.list_page", slug=slug), 303)


@blueprint.post("/targets/lists/<slug>/freeze")
@requires(Can.EDIT_TARGETS)
def freeze_list(slug: str) -> Any:
    form = FreezeForm()

    def freeze() -> TargetList:
        kept = queries.target_list(slug)
        told = list_rules.tell(kept.rule, day=form.on.data, memory={})
        return operations.freeze_list(
            kept,
            name=form.name.data,
            on=form.on.data,
            note=told.words[:500],
            by=current_user,
        )

    frozen = form.carry(freeze)
    if frozen is None:
        return _show(_with_owner(slug), NamesForm(formdata=None), [], form)
    flash(_("“%(name)s” kept.", name=frozen.name), "success")
    return redirect(url_for("targets.list_page", slug=frozen.slug), 303)


@blueprint.route("/targets/lists/<slug>/edit", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def edit_list(slug: str) -> Any:
    kept = _with_owner(slug)
    form = KeptListForm(obj=kept)
    owners = colleagues(access.scope(current_user, Can.EDIT_TARGETS))
    if kept.owner is not None and kept.owner not in owners:
        owners.append(kept.owner)
    form.owner_id.choices = [("", _("Nobody")), *((str(each.id), each.name) for each in owners)]

    def change() -> bool:
        operations.change_list(
            kept,
            name=form.name.data,
            note=form.note.data or None,
            as_of=form.as_of.data,
            owner_id=form.owner_id.data,
            by=current_user,
        )
        return True

    if form.carry(change):
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
    found, settled = chosen(matches, request.form)
    if not settled:
        raise Refused(_("Some names are not clear. Choose below who is meant, or leave them out."))
    if not found:
        raise Refused(_("None of these names is left."), field="names")
    return found


def _filtered_ids(wanted: TargetFilter) -> list[int]:
    statement = queries.targets(wanted).limit(operations.MOST_ON_A_LIST + 1)
    return [target.id for target in db.session.scalars(statement)]
