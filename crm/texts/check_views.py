"""The page and the file of the merge check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, abort, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from crm.core import access, db, reads
from crm.core.access import Can, Scope, requires
from crm.core.errors import Refused
from crm.core.i18n import timezone_name, today
from crm.core.paging import page_within
from crm.core.tables import FORMATS, Column, Row, Table
from crm.members import disclosure
from crm.members.disclosure import Exit, Shown, Viewer
from crm.members.models import Chapter, Member
from crm.members.queries import MemberFilter, chapters_in, members
from crm.texts import check as checks
from crm.texts import own_fields, queries
from crm.texts.check import Checked, Line, Targets
from crm.texts.merged import Why
from crm.texts.models import Text, TextVersion
from crm.texts.own_fields import OwnField
from crm.texts.views import blueprint, readable

#: What each reason is called above its count.
WHY = {
    Why.NOT_APPROVED: _l("not approved"),
    Why.STALE: _l("figure changed"),
    Why.GONE: _l("not there any more"),
    Why.LEFT: _l("left office"),
    Why.NO_ADDRESS: _l("no postal address"),
    Why.NO_WAY: _l("no way to reach"),
    Why.EMPTY: _l("field empty"),
    Why.VALUE: _l("field does not fit"),
    Why.CONSENT: _l("no consent"),
}
COLUMNS = (
    Column("target", _l("Target"), width=32),
    Column("member", _l("Signed by"), width=16),
    Column("printable", _l("Can be printed"), width=14),
    Column("why", _l("Why not"), width=60),
)


@dataclass(frozen=True)
class _Asked:
    """What the address asks for."""

    text: Text
    version: TextVersion
    languages: list[str]
    chapters: list[Chapter]
    targets: Targets | None
    chapter: Chapter | None
    values: Mapping[str, str]
    own: list[OwnField]
    problem: str | None = None

    @property
    def language(self) -> str:
        """That of the words."""
        return self.version.language


@blueprint.get("/<slug>/check")
@requires(Can.WRITE_TEXTS)
def merge_check(slug: str) -> Any:
    """Every piece that cannot be printed and why, before anything is printed."""
    asked = _asked(slug)
    checked = _checked(asked) if asked.targets is not None else None
    show_all = request.args.get("show") == "all"
    why = request.args.get("why", "")
    lines: list[Line] = []
    if checked is not None:
        lines = list(checked.lines) if show_all else checked.hindered
        if why in list(Why):
            lines = [line for line in lines if any(each.why == why for each in line.hindrances)]
    page = page_within(lines)
    return render_template(
        "texts/check.html",
        text=asked.text,
        asked=asked,
        checked=checked,
        page=page,
        members=_names(page.rows, Exit.PAGE),
        why=why,
        show_all=show_all,
        WHY=WHY,
        languages=asked.languages,
        lists=queries.lists_in_use(),
        campaigns=[(row[1], row[2]) for row in queries.campaigns_in_use()],
        chapters=[(each.slug, each.name) for each in asked.chapters],
    )


@blueprint.get("/<slug>/check.<format>")
@requires(Can.WRITE_TEXTS)
def merge_check_file(slug: str, format: str) -> Any:
    """The whole check as a file; members by their pseudonyms."""
    if format not in FORMATS:
        abort(404)
    asked = _asked(slug)
    if asked.targets is None:
        abort(404)
    checked = _checked(asked)
    reads.export("merge-check", format=format, filters={
        "text": slug, "targets": asked.targets.slug,
        **({"chapter": asked.chapter.slug} if asked.chapter is not None else {}),
    })  # fmt: skip
    stopped = len(checked.hindered)
    table = Table(
        name="merge-check",
        title=_("Merge check: %(name)s", name=asked.text.name),
        columns=COLUMNS,
        rows=_rows(checked),
        facts=[(_("Text"), asked.text.name), (_("Targets"), asked.targets.name)],
        made_at=datetime.now(ZoneInfo(timezone_name())),
        made_by=current_user.name,
        closing=lambda: _(
            "%(all)s looked at, %(stopped)s cannot be printed.",
            all=len(checked.lines),
            stopped=stopped,
        ),
    )
    response = Response(b"".join(FORMATS[format].write(table)), mimetype=FORMATS[format].mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=f"check-{slug}.{format}")
    return response


def _rows(checked: Checked) -> Iterator[Row]:
    names = _names(checked.lines, Exit.EXPORT)
    for line in checked.lines:
        member = names[line.member_id].name if line.member_id in names else ""
        yield line.name, member, _("no") if line.hindrances else _("yes"), line.told


def _names(lines: Any, exit: Exit) -> dict[int, Shown]:
    ids = [line.member_id for line in lines if line.member_id is not None]
    if not ids:
        return {}
    return disclosure.disclose(ids, to=Viewer.of(current_user), exit=exit)


def _asked(slug: str) -> _Asked:
    text = readable(slug)
    found = queries.variants([text.id])[text.id]
    language = request.args.get("language") or found[0].language
    variant = next((each for each in found if each.language == language), found[0])
    version = variant.approved or variant.newest
    own = [each for each in own_fields.read(version.fields) if each.kind != "hand"]
    values = {each.name: request.args.get(f"value-{each.key}", "") for each in own}
    chapter = None
    chapters = chapters_in(access.scope(current_user, Can.SEE_MEMBERS))
    if wanted := request.args.get("chapter"):
        chapter = next((each for each in chapters if each.slug == wanted), None)
        if chapter is None:
            abort(404)
    targets, problem = None, None
    listed, names = (request.args.get(name, "").strip() for name in ("targets", "names"))
    try:
        if names:
            targets = checks.named_targets(names[:500])
        elif listed:
            targets = checks.find_targets(listed)
    except Refused as refusal:
        problem = str(refusal.message)
    languages = [each.language for each in found]
    return _Asked(text, version, languages, chapters, targets, chapter, values, own, problem)


def _checked(asked: _Asked) -> Checked:
    targets = asked.targets
    if targets is None:
        raise LookupError("nothing to be checked")
    ids: list[int] = []
    if asked.chapter is not None:
        within = Scope(everywhere=False, chapter_ids=frozenset({asked.chapter.id}))
        wanted = members(MemberFilter(), within, today=today())
        ids = list(
            db.session.scalars(wanted.with_only_columns(Member.id, maintain_column_froms=True))
        )
    return checks.check(
        asked.text,
        asked.version,
        target_ids=targets.ids,
        member_ids=ids,
        campaign=targets.campaign or asked.text.campaign,
        chapter=asked.chapter or asked.text.chapter,
        values=asked.values,
        on=today(),
        viewer=Viewer.of(current_user),
    )
