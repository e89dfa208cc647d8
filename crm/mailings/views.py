"""Pages of packs: the list, one pack, and what a leader does with its pieces before the post."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import select

from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.forms import parse_id
from crm.core.history_page import history_page
from crm.core.i18n import today
from crm.core.paging import page_number, page_of, page_within
from crm.core.text import fold
from crm.mailings import as_tasks, operations, queries
from crm.mailings.forms import ClaimForm, HandOutForm
from crm.mailings.models import Mailing, Piece
from crm.mailings.queries import PackFilter, Row
from crm.mailings.rules import State, money, state_name
from crm.members.disclosure import Exit, Shown, Viewer, disclose
from crm.members.models import Member
from crm.members.queries import chapters_in, visible_members
from crm.outreach.channels import channels
from crm.outreach.forms import options
from crm.targets.queries import names as target_names
from crm.targets.queries import offices
from crm.texts.kinds import KINDS

blueprint = Blueprint("mailings", __name__)

#: What the list can be narrowed to.
STATES = {
    "open": _l("Not all posted"),
    "posted": _l("All posted"),
    "closed": _l("Put away"),
}
#: Members that can be chosen to take what lies in the pool.
_MOST_OFFERED = 400


def pack_of(code: str) -> Mailing:
    """The pack of an address, of the reader's chapters; another's answers 404."""
    return queries.mailing(code, access.scope(current_user, Can.MAKE_PACKS))


@blueprint.get("/packs")
@requires(Can.MAKE_PACKS)
def index() -> Any:
    """Packs, the newest first."""
    scope = access.scope(current_user, Can.MAKE_PACKS)
    given = {
        name: request.args.get(name, "").replace("\x00", "").strip()
        for name in ("campaign", "chapter", "state")
    }
    wanted = PackFilter(**{name: value or None for name, value in given.items()})
    page = page_of(queries.packs(wanted, scope), number=page_number())
    return render_template(
        "mailings/index.html",
        page=page,
        progress=queries.progress([each.id for each in page.rows]),
        channels=channels(),
        given=given,
        choices={
            "campaign": [(each.slug, each.name) for each in queries.campaigns_with_packs(scope)],
            "chapter": [(each.slug, each.name) for each in chapters_in(scope)],
            "state": list(STATES.items()),
        },
        today=today(),
    )


@blueprint.get("/packs/<code>")
@requires(Can.MAKE_PACKS)
def page(code: str) -> Any:
    """One pack: how far it is, who writes what, and what can be done next."""
    pack = pack_of(code)
    by = "target" if request.args.get("by") == "target" else "member"
    rows = queries.by_target(pack.id) if by == "target" else queries.by_member(pack.id)
    shown: Mapping[int, Shown] = {}
    names, held = {}, {}
    if by == "target":
        names = target_names([each.id for each in rows if each.id is not None])
        rows = sorted(rows, key=lambda each: list(names).index(each.id or 0))
        listed = page_within(rows)
        held = offices([each.id for each in listed.rows])
    else:
        rows, shown = by_name(rows)
        listed = page_within(rows)
    in_tasks, free = as_tasks.is_handed_out(pack.id)
    return render_template(
        "mailings/page.html",
        pack=pack,
        channel=channels()[pack.channel],
        progress=queries.progress([pack.id])[pack.id],
        by=by,
        listed=listed,
        shown=shown,
        names=names,
        offices=held,
        postings=queries.postings(pack.id),
        in_tasks=in_tasks,
        free=free,
        today=today(),
        money=money,
    )


def by_name(rows: Sequence[Row]) -> tuple[list[Row], Mapping[int, Shown]]:
    """Members' rows by name as the reader sees it, the pool last; and what is shown of each."""
    ids = [each.id for each in rows if each.id is not None]
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)

    def place(row: Row) -> tuple[bool, str, int]:
        return (True, "", 0) if row.id is None else (False, fold(shown[row.id].name), row.id)

    return sorted(rows, key=place), shown


@blueprint.get("/packs/<code>/history")
@requires(Can.MAKE_PACKS)
def pack_history(code: str) -> Any:
    """Who did what with the pack."""
    pack = pack_of(code)
    return history_page(
        {"mailing": [pack.id]}, name=pack.name, back=url_for(".page", code=pack.code)
    )


# Prepared


@blueprint.route("/packs/<code>/prepare", methods=["GET", "POST"])
@requires(Can.MAKE_PACKS)
def prepare(code: str) -> Any:
    """Tick what is written: all of somebody's, or single pieces."""
    pack = pack_of(code)
    if request.method == "POST":
        number = operations.prepare(
            pack,
            piece_ids=_ids("piece"),
            member_ids=[
                None if each == "pool" else parse_id(each) or 0
                for each in request.form.getlist("member")
            ],
            is_prepared=request.form.get("do") != "undo",
            by=current_user,
            today=today(),
        )
        if number:
            flash(ngettext("%(num)s piece changed.", "%(num)s pieces changed.", number), "success")
        else:
            flash(_("Nothing was changed: tick what is written."), "warning")
        return redirect(
            url_for(".prepare", code=pack.code, page=request.args.get("page") or None), 303
        )
    rows, shown = by_name([row for row in queries.by_member(pack.id) if row.unposted])
    listed = page_within(rows)
    members = [each.id for each in listed.rows]
    return render_template(
        "mailings/prepare.html",
        pack=pack,
        channel=channels()[pack.channel],
        progress=queries.progress([pack.id])[pack.id],
        listed=listed,
        shown=shown,
        pieces=queries.pieces_of(pack.id, members),
        state_name=state_name,
        State=State,
    )


def _ids(name: str) -> list[int]:
    found = (parse_id(each) for each in request.form.getlist(name)[:6000])
    return [each for each in found if each is not None]


# Handed out, given back, taken


@blueprint.route("/packs/<code>/hand-out", methods=["GET", "POST"])
@requires(Can.MAKE_PACKS)
def hand_out(code: str) -> Any:
    """Make a task of each member's pieces."""
    pack = pack_of(code)
    form = HandOutForm()
    if not form.is_submitted():
        form.due_on.data = max(pack.planned_on, today())
    tasks = form.carry(
        lambda: as_tasks.hand_out(
            pack,
            due_on=form.due_on.data,
            note=form.note.data,
            client_key=form.client_key.data,
            by=current_user,
            today=today(),
        )
    )
    if tasks is None:
        in_tasks, free = as_tasks.is_handed_out(pack.id)
        return (
            render_template(
                "mailings/hand_out.html", form=form, pack=pack, in_tasks=in_tasks, free=free
            ),
            form.status,
        )
    flash(ngettext("%(num)s task handed out.", "%(num)s tasks handed out.", len(tasks)), "success")
    if left := as_tasks.is_handed_out(pack.id)[1]:
        flash(
            ngettext(
                "%(num)s piece is of somebody who left the chapter: give it back to the pool.",
                "%(num)s pieces are of people who left the chapter: give them back to the pool.",
                left,
            ),
            "warning",
        )
    return redirect(url_for(".page", code=pack.code), 303)


@blueprint.post("/packs/<code>/give-back/<int:member_id>")
@requires(Can.MAKE_PACKS)
def give_back(code: str, member_id: int) -> Any:
    """Put what a member does not write into the pool."""
    pack = pack_of(code)
    number = operations.give_back(pack, member_id=member_id, by=current_user, today=today())
    flash(
        ngettext("%(num)s piece is in the pool.", "%(num)s pieces are in the pool.", number),
        "success" if number else "warning",
    )
    return redirect(url_for(".page", code=pack.code), 303)


@blueprint.route("/packs/<code>/pool", methods=["GET", "POST"])
@requires(Can.MAKE_PACKS)
def pool(code: str) -> Any:
    """Give pieces nobody writes yet to a member."""
    pack = pack_of(code)
    form = ClaimForm()
    form.member.choices = options([("", _("Choose")), *_offered(pack)])
    left = queries.progress([pack.id])[pack.id].pool
    if not form.is_submitted():
        form.number.data = left
    taken = form.carry(
        lambda: operations.claim(
            pack,
            member_id=int(form.member.data),
            number=form.number.data,
            by=current_user,
            today=today(),
        )
    )
    if taken is None:
        return (
            render_template("mailings/pool.html", form=form, pack=pack, left=left),
            form.status,
        )
    flash(ngettext("%(num)s piece given.", "%(num)s pieces given.", taken), "success")
    return redirect(url_for(".page", code=pack.code), 303)


def _offered(pack: Mailing) -> list[tuple[str, str]]:
    """Members of the pack first by name, then others of the chapter."""
    sees = access.scope(current_user, Can.SEE_MEMBERS)
    near = frozenset(each.id for each in chapters_in(sees) if each.path.startswith(_path(pack)))
    of_pack = select(Piece.member_id).where(Piece.mailing_id == pack.id)
    ids = set(
        db.session.scalars(
            visible_members(access.Scope(False, near), today=today())
            .with_only_columns(Member.id)
            .limit(_MOST_OFFERED)
        )
    )
    ids |= {each for each in db.session.scalars(of_pack.distinct()) if each is not None}
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    named = [(each.name, str(key)) for key, each in shown.items() if each.is_named]
    return [(key, name) for name, key in sorted(named)]


def _path(pack: Mailing) -> str:
    return pack.chapter.path


# Put away


@blueprint.post("/packs/<code>/close")
@requires(Can.MAKE_PACKS)
def close(code: str) -> Any:
    """Put the pack away."""
    pack = pack_of(code)
    operations.close_pack(pack, reason=request.form.get("reason", "")[:300], by=current_user)
    flash(_("Put away. What was posted stays counted."), "success")
    return redirect(url_for(".page", code=pack.code), 303)


@blueprint.post("/packs/<code>/open")
@requires(Can.MAKE_PACKS)
def reopen(code: str) -> Any:
    """Take it up again."""
    pack = pack_of(code)
    operations.reopen_pack(pack, by=current_user)
    flash(_("The pack is open again."), "success")
    return redirect(url_for(".page", code=pack.code), 303)


def of_text(text: Any) -> dict[str, Any] | None:
    """The way from a text that prints to a pack of it, for those who make packs."""
    if not KINDS[text.kind].prints or text.retired_at is not None:
        return None
    if not access.scope(current_user, Can.MAKE_PACKS):
        return None
    return {"text": text}


def of_campaign(campaign: Any) -> dict[str, Any] | None:
    """The newest packs of a campaign, for those who make packs. Two statements."""
    scope = access.scope(current_user, Can.MAKE_PACKS)
    if not scope:
        return None
    packs = queries.of_campaign(campaign.id, scope, 5)
    return {
        "campaign": campaign,
        "packs": packs,
        "progress": queries.progress([each.id for each in packs]) if packs else {},
        "channels": channels(),
    }
