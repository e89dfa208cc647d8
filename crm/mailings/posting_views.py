"""The page a scanned code leads to: everything filled in and one button; and what came back."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.core import access
from crm.core.access import Can, requires
from crm.core.i18n import day, today
from crm.mailings import queries
from crm.mailings.forms import CodeForm, Numbers, PostForm, ReturnForm
from crm.mailings.models import Mailing
from crm.mailings.posting import Result, post_pieces, return_pieces
from crm.mailings.views import blueprint, by_name, pack_of
from crm.members.rules import read_code
from crm.outreach.channels import channels
from crm.targets.queries import names as target_names


@blueprint.route("/post", methods=["GET", "POST"])
@requires(Can.MAKE_PACKS)
def post_start() -> Any:
    """Where the short code is typed."""
    form = CodeForm()
    if form.validate_on_submit():
        code = read_code(form.code.data or "")
        if queries.is_code(code, access.scope(current_user, Can.MAKE_PACKS)):
            return redirect(url_for(".post", code=code), 303)
        form.code.errors = [
            _("No pack has this code. Look at the sheet again: 0 is a zero, 1 a one.")
        ]
    return render_template("mailings/post_start.html", form=form), form.status


@blueprint.route("/post/<code>", methods=["GET", "POST"])
@requires(Can.MAKE_PACKS)
def post(code: str) -> Any:
    """All that is left of the pack is posted, or so many of each."""
    pack = pack_of(code)
    form, numbers = PostForm(), Numbers(default_all=True)
    if not form.is_submitted():
        form.number.data = str(queries.next_number(pack.id))
        form.posted_on.data = today()
        form.place.data = pack.place
        form.minutes.data, form.postage.data = pack.minutes_each, pack.postage_each
    result = form.carry(lambda: _posted(pack, form, numbers))
    if result is None:
        return _post_page(pack, form, numbers)
    if result.is_new:
        what = channels()[pack.channel].count(result.action.pieces)
        flash(_("%(what)s posted and logged.", what=what), "success")
    else:
        flash(
            _(
                "Posted already on %(day)s, %(pieces)s; nothing was counted twice.",
                day=day(result.posting.posted_on),
                pieces=channels()[pack.channel].count(result.action.pieces),
            ),
            "warning",
        )
    just = result.posting.number if result.is_new else None
    return redirect(url_for(".post", code=pack.code, posted=just), 303)


def _posted(pack: Mailing, form: PostForm, numbers: Numbers) -> Result:
    given: dict[str, Any] = {}
    if request.form.get("do") != "all":
        members, targets = numbers.read(
            {row.id: row.unposted for row in queries.by_member(pack.id) if row.unposted},
            {row.id: row.unposted for row in queries.by_target(pack.id) if row.unposted},  # type: ignore[misc]
        )
        if members or targets:
            given = {"members": members, "targets": targets}
        elif form.pieces.data is not None:
            given = {"pieces": form.pieces.data}
    return post_pieces(
        pack,
        number=int(form.number.data or 0),
        posted_on=form.posted_on.data,
        place=form.place.data,
        minutes_each=form.minutes.data,
        postage_each=form.postage.data,
        by=current_user,
        today=today(),
        **given,
    )


def _post_page(pack: Mailing, form: PostForm, numbers: Numbers) -> Any:
    members, shown = by_name([row for row in queries.by_member(pack.id) if row.unposted])
    targets = [row for row in queries.by_target(pack.id) if row.unposted]
    return (
        render_template(
            "mailings/post.html",
            pack=pack,
            channel=channels()[pack.channel],
            form=form,
            numbers=numbers,
            progress=queries.progress([pack.id])[pack.id],
            members=members,
            targets=targets,
            shown=shown,
            names=target_names([row.id for row in targets if row.id is not None]),
            postings=queries.postings(pack.id),
            gone=queries.gone_targets(pack.id) if targets else {},
            withdrawn=sum(not each.is_named for each in shown.values()),
            just_posted="posted" in request.args,
            latest=today(),
        ),
        form.status,
    )


@blueprint.route("/packs/<code>/return", methods=["GET", "POST"])
@requires(Can.MAKE_PACKS)
def bring_back(code: str) -> Any:
    """Pieces that were not posted after all."""
    pack = pack_of(code)
    form, numbers = ReturnForm(), Numbers(default_all=False)
    members = [row for row in queries.by_member(pack.id) if row.posted]
    targets = [row for row in queries.by_target(pack.id) if row.posted]
    number = form.carry(lambda: _returned(pack, form, numbers, members, targets))
    if number is None:
        members, shown = by_name(members)
        return (
            render_template(
                "mailings/return.html",
                pack=pack,
                channel=channels()[pack.channel],
                form=form,
                numbers=numbers,
                members=members,
                targets=targets,
                posted=sum(row.posted for row in members),
                shown=shown,
                names=target_names([row.id for row in targets if row.id is not None]),
                postings=queries.postings(pack.id),
            ),
            form.status,
        )
    flash(
        ngettext(
            "%(num)s piece is back in the pool and counted no more.",
            "%(num)s pieces are back in the pool and counted no more.",
            number,
        ),
        "success",
    )
    return redirect(url_for(".page", code=pack.code), 303)


def _returned(pack: Mailing, form: ReturnForm, numbers: Numbers, members: Any, targets: Any) -> int:
    of_members, of_targets = numbers.read(
        {row.id: row.posted for row in members}, {row.id: row.posted for row in targets}
    )
    return return_pieces(
        pack,
        pieces=None if of_members or of_targets else form.pieces.data,
        members=of_members,
        targets=of_targets,
        reason=form.reason.data,
        by=current_user,
        today=today(),
    )
