"""Pages of records that may be one: the likely pairs, a merge side by side, and its undo."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from crm.core import db
from crm.core.access import Can, requires
from crm.core.forms import Form, parse_id
from crm.core.paging import page_within
from crm.targets import duplicates, merging, queries, rules
from crm.targets.likeness import compare
from crm.targets.models import Target, TargetMerge
from crm.targets.views import blueprint

#: Pairs on a page, and hits of the search for the other record.
SIZE, FOUND = 20, 10


@blueprint.get("/targets/duplicates", endpoint="duplicates")
@requires(Can.EDIT_TARGETS)
def likely_pairs() -> Any:
    page = page_within(duplicates.likely(), size=SIZE)
    return render_template("targets/duplicates.html", page=page, kinds=rules.KINDS, form=Form())


@blueprint.post("/targets/<int:target_id>/not-the-same")
@requires(Can.EDIT_TARGETS)
def not_the_same(target_id: int) -> Any:
    one, other = queries.target(target_id), queries.target(_other_id())
    names = {"one": one.name, "other": other.name}
    merging.keep_apart(one, other, by=current_user)
    flash(_("%(one)s and %(other)s are kept apart and not proposed again.", **names), "success")
    return redirect(url_for("targets.duplicates", page=request.form.get("page") or None), 303)


@blueprint.route("/targets/<int:target_id>/merge", methods=["GET", "POST"])
@requires(Can.EDIT_TARGETS)
def merge(target_id: int) -> Any:
    target = queries.target(target_id)
    if not request.values.get("with"):
        return _choose(target)
    pair = {target.id: target}
    pair.setdefault(_other_id(), queries.target(_other_id()))
    if len(pair) < 2:
        abort(404)
    form = Form()

    def carry_out() -> tuple[int, str]:
        kept_id = parse_id(request.form.get("kept"))
        if kept_id not in pair:
            abort(404)
        kept = pair[kept_id]
        merged = next(each for each in pair.values() if each is not kept)
        theirs = {
            fact: request.form.get(f"fact-{fact}") == str(merged.id)
            for fact in (*merging.FACTS, "office")
        }
        name = merged.name
        merging.merge(kept=kept, merged=merged, theirs=theirs, by=current_user)
        return kept_id, name

    done = form.carry(carry_out)
    if done is not None:
        kept_id, name = done
        flash(_("%(name)s is one with this record now. All of its records are here.", name=name),
              "success")  # fmt: skip
        return redirect(url_for("targets.page", target_id=kept_id), 303)
    # A refusal took the session's records along.
    one, other = (queries.target(number) for number in sorted(pair))
    cards = {card.target_id: card for card in duplicates.cards(one.id, other.id)}
    likeness = compare(cards[one.id], cards[other.id])
    kept_id = parse_id(request.form.get("kept")) or merging.better(one, other).id
    return render_template(
        "targets/merge.html",
        form=form,
        target=target,
        pair=(one, other),
        kept_id=kept_id,
        facts=list(merging.choices(one, other, cards)),
        sent=request.form,
        likeness=likeness,
        kinds=rules.KINDS,
    ), form.status


def _choose(target: Target) -> Any:
    """Which record is the other one."""
    q = request.args.get("q", "").strip()[:100]
    hits = [each for each in queries.find_targets(q, FOUND + 1) if each.id != target.id]
    offices = queries.offices([each.id for each in hits])
    return render_template(
        "targets/merge_with.html", target=target, q=q, hits=hits[:FOUND], offices=offices,
        kinds=rules.KINDS,
    )  # fmt: skip


@blueprint.post("/targets/merges/<int:merge_id>/undo")
@requires(Can.EDIT_TARGETS)
def undo_merge(merge_id: int) -> Any:
    done = db.session.scalars(
        select(TargetMerge)
        .where(TargetMerge.id == merge_id)
        .options(joinedload(TargetMerge.merged))
    ).one()
    kept_id, merged_id, name = done.kept_id, done.merged_id, done.merged.name
    form = Form()

    def take_back() -> bool:
        merging.unmerge(done, by=current_user)
        return True

    if form.carry(take_back):
        flash(_("The merge is undone: %(name)s stands by itself again.", name=name), "success")
        return redirect(url_for("targets.page", target_id=merged_id), 303)
    return render_template(
        "targets/merge_kept.html", form=form, target=queries.kept_or_merged(kept_id), name=name
    ), 409


def _other_id() -> int:
    return parse_id(request.values.get("with")) or abort(404)
