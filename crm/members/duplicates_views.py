"""Pages of members who may be one: the likely pairs, a merge side by side, and its undo."""

from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from werkzeug.exceptions import NotFound

from crm.core import access, db, i18n
from crm.core.access import Can, requires
from crm.core.forms import Form, parse_id
from crm.core.paging import page_within
from crm.members import duplicates, fields, merging, queries
from crm.members.disclosure import Exit, Shown, Viewer, disclose
from crm.members.forms import chapter_choices
from crm.members.likeness import compare
from crm.members.models import Chapter, Member
from crm.members.queries import MemberFilter
from crm.members.rules import Standing, band_name
from crm.members.views import blueprint

#: Pairs on a page, and hits of the search for the other record.
SIZE, FOUND = 20, 10


@blueprint.get("/members/duplicates", endpoint="duplicates")
@requires(Can.MERGE_MEMBERS)
def likely_pairs() -> Any:
    """The likely pairs, of members whom the reader may merge."""
    chapters = queries.chapters_in(access.scope(current_user, Can.MERGE_MEMBERS))
    chosen = _chosen(chapters)
    within = [each.id for each in chapters if chosen and each.path.startswith(chosen.path)]
    pairs = duplicates.likely(current_user, frozenset(within) if chosen else None)
    page = page_within(pairs or [], size=SIZE)
    return render_template(
        "members/duplicates.html",
        page=page,
        shown=_shown(each.member_id for pair in page.rows for each in (pair.a, pair.b)),
        are_too_many=pairs is None,
        chosen=chosen,
        choices=list(zip(chapters, chapter_choices(chapters), strict=True)),
    )


def _chosen(chapters: list[Chapter]) -> Chapter | None:
    slug = request.args.get("chapter")
    if not slug:
        return None
    return next((each for each in chapters if each.slug == slug), None) or abort(404)


@blueprint.post("/members/<int:member_id>/not-the-same")
@requires(Can.MERGE_MEMBERS)
def not_the_same(member_id: int) -> Any:
    """Keep two who look alike apart."""
    merging.keep_apart(one_id=member_id, other_id=_other_id(), by=current_user)
    flash(_("They are kept apart and not proposed again."), "success")
    page, chapter = (request.form.get(name) or None for name in ("page", "chapter"))
    return redirect(url_for("members.duplicates", page=page, chapter=chapter), 303)


@blueprint.route("/members/<int:member_id>/merge", methods=["GET", "POST"])
@requires(Can.MERGE_MEMBERS)
def merge(member_id: int) -> Any:
    """Compare two side by side, choose whose fact is kept where they differ, make one of them."""
    member = _mergeable(member_id)
    if not request.values.get("with"):
        return _choose(member)
    other_id = _other_id()
    if other_id == member_id:
        abort(404)
    pair = {
        each.id: each for each in sorted((member, _mergeable(other_id)), key=lambda each: each.id)
    }
    form = Form()

    def carry_out() -> int:
        kept_id = parse_id(request.form.get("kept"))
        if kept_id not in pair:
            abort(404)
        merged_id = next(each for each in pair if each != kept_id)
        theirs = [
            name.removeprefix("fact-")
            for name, value in request.form.items()
            if name.startswith("fact-") and value == str(merged_id)
        ]
        merging.merge(kept_id=kept_id, merged_id=merged_id, theirs=theirs, by=current_user)
        return kept_id

    kept_id = form.carry(carry_out)
    if kept_id is not None:
        flash(_("The two are one member now. All that was with either is here."), "success")
        return redirect(url_for("members.page", member_id=kept_id), 303)
    # A refusal took the session's records along.
    # Always the older at the left.
    one, other = (_mergeable(number) for number in sorted(pair))
    both = select(Member.id).where(Member.id.in_(pair))
    cards = {card.member_id: card for card in duplicates.cards(both)}
    shown = _shown([one.id, other.id], details=True)
    return render_template(
        "members/merge.html",
        form=form,
        member=member_id,
        pair=(one, other),
        shown=shown,
        kept_id=parse_id(request.form.get("kept")) or merging.better(one, other).id,
        facts=[
            (each, [_said(each, value, who, shown[who.id])
                    for who, value in zip((one, other), each.values, strict=True)])
            for each in merging.choices(one, other)
        ],
        moving=merging.moving([one.id, other.id]),
        sent=request.form,
        likeness=compare(cards[one.id], cards[other.id]),
    ), form.status  # fmt: skip


def _said(choice: merging.Choice, value: Any, who: Member, shown: Shown) -> str:
    """A fact as this reader may read it."""
    fact = choice.fact
    if fact == "given_name":
        return who.given_name
    if fact == "family_name":
        # Whose family name is not told is told apart by its initial.
        return str(value) if shown.is_named else f"{str(value)[0]}."
    if fact == "age_band":
        return (
            band_name(value, current_app.extensions["crm_settings"].age_limits)
            if shown.age_band
            else _("not shown")
        )
    if fact in ("email", "phone", "address", "postal_code", "note"):
        return getattr(shown, fact) or _("not shown: there is no consent to be contacted")
    if fact.startswith(merging.CUSTOM):
        key = fact.removeprefix(merging.CUSTOM)
        defined = next(each for each in fields.defined(retired=True) if each.key == key)
        return fields.said(defined, value)
    return str(value)


def _choose(member: Member) -> Any:
    """Which record is the other one."""
    q = request.args.get("q", "").strip()[:100]
    hits: list[int] = []
    if queries.named(q):
        scope = access.scope(current_user, Can.MERGE_MEMBERS)
        wanted = queries.members(
            MemberFilter(q=q, standing=Standing.ALL), scope, today=i18n.today()
        )
        wanted = wanted.where(
            Member.id != member.id,
            Member.id.in_(merging.mergeable(current_user).with_only_columns(Member.id)),
        )
        hits = list(db.session.scalars(wanted.with_only_columns(Member.id).limit(FOUND)))
    return render_template(
        "members/merge_with.html",
        member=member,
        name=_shown([member.id])[member.id].name,
        q=q,
        hits=_shown(hits),
    )


@blueprint.post("/members/merges/<int:merge_id>/undo")
@requires(Can.MERGE_MEMBERS)
def undo_merge(merge_id: int) -> Any:
    """Take a merge back, or say why it stays."""
    form = Form()
    done = form.carry(lambda: merging.unmerge(merge_id=merge_id, by=current_user))
    if done is not None:
        flash(_("The merge is undone: the two stand by themselves again."), "success")
        return redirect(url_for("members.page", member_id=done.merged_id), 303)
    kept = _mergeable(merging.kept_of(merge_id))
    return render_template(
        "members/merge_kept.html", form=form, shown=_shown([kept.id])[kept.id]
    ), 409


def _mergeable(member_id: int) -> Member:
    """The member, where the reader may merge; raises NoResultFound elsewhere."""
    wanted = merging.mergeable(current_user).where(Member.id == member_id)
    return db.session.scalars(wanted).one()


def _shown(ids: Any, *, details: bool = False) -> dict[int, Shown]:
    return disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE, details=details)


def _other_id() -> int:
    return parse_id(request.values.get("with")) or abort(404)


# On the pages of members


def merges_of(member: Member) -> dict[str, Any] | None:
    """Who was merged into a member, for those who may take it back."""
    if not access.may(current_user, Can.MERGE_MEMBERS):
        return None
    done = duplicates.merges_into(member.id)
    may_undo = merging.mergeable(current_user).where(Member.id == member.id)
    if not done or db.session.scalars(may_undo).one_or_none() is None:
        return None
    return {"merges": done, "shown": _shown(each.merged_id for each in done)}


def may_merge(member: Member) -> dict[str, Any] | None:
    """The link to a merge, for those who may merge this member."""
    scope = access.scope(current_user, Can.MERGE_MEMBERS)
    chapters = (each.chapter_id for each in member.memberships)
    return {"member_id": member.id} if scope.includes(*chapters) else None


def may_look(_wanted: MemberFilter) -> dict[str, Any] | None:
    """The link to the likely duplicates."""
    return {} if access.may(current_user, Can.MERGE_MEMBERS) else None


@blueprint.errorhandler(NoResultFound)
def _lead_on(_error: NoResultFound) -> Any:
    """The address of a member who was merged leads to the one that was kept."""
    member_id = (request.view_args or {}).get("member_id")
    if request.method == "GET" and request.endpoint and isinstance(member_id, int):
        kept_id = queries.kept_ids([member_id]).get(member_id)
        scope = access.scope(current_user, Can.SEE_MEMBERS)
        if kept_id is not None and queries.is_visible(kept_id, scope):
            return redirect(url_for("members.page", member_id=kept_id), 303)
    # As everywhere else: there is nothing here.
    return current_app.handle_user_exception(NotFound())
