"""Printing a pack: which paper, what can be printed and what not, and the PDF itself.

Choosing only reads. The PDF is made by a POST: that it was printed, and who left by name, is kept.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, abort, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import BooleanField, HiddenField, IntegerField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from crm.core import access, i18n, pdf
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, parse_id
from crm.core.paging import Page, page_within
from crm.mailings import queries
from crm.mailings.models import Mailing, Piece
from crm.mailings.printing import MOST_LOOKED_AT, Which, chosen, look, print_checked
from crm.mailings.printing.checking import Checked
from crm.mailings.printing.papers import ENVELOPES, LABEL_SHEETS, LABELS, Kind, Wish
from crm.mailings.rules import MOST_PIECES
from crm.mailings.views import blueprint
from crm.members.disclosure import Exit, Shown, Viewer, disclose
from crm.targets.queries import names as target_names

#: Of a choice of members: the pieces nobody has.
POOL = "pool"


class PrintForm(Form):
    """On which paper and which pieces; the same in the address and in what is sent."""

    paper = SelectField(
        _l("Paper"),
        choices=[SelectChoice(value, label) for value, label in pdf.PAPERS.items()],
        validators=[InputRequired()],
    )
    labels = SelectField(
        _l("Sheet of labels"),
        choices=[SelectChoice(name, each.label) for name, each in LABEL_SHEETS.items()],
        validators=[InputRequired()],
    )
    start_at = IntegerField(
        _l("Begin with label"),
        default=1,
        validators=[
            InputRequired(_l("Give the number of a label of the sheet.")),
            NumberRange(1, 30, message=_l("Give the number of a label of the sheet.")),
        ],
    )
    envelope = SelectField(
        _l("Envelope"),
        choices=[SelectChoice(name, each.label) for name, each in ENVELOPES.items()],
        validators=[InputRequired()],
    )
    flip = SelectField(
        _l("The printer turns the paper along its"),
        choices=[SelectChoice("long", _l("long edge")), SelectChoice("short", _l("short edge"))],
        validators=[InputRequired()],
    )
    by_hand = BooleanField(_l("Leave room to copy the text by hand"))
    members = SelectMultipleField(
        _l("Only the pieces of"),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )
    unprinted = BooleanField(_l("Only what was not printed yet"))
    first = IntegerField(_l("From number"), validators=[Optional(), NumberRange(1, MOST_PIECES)])
    last = IntegerField(_l("To number"), validators=[Optional(), NumberRange(1, MOST_PIECES)])
    #: What its sender was shown; nothing else is printed unseen.
    seen = HiddenField()

    def wish(self, kind: Kind, *, is_preview: bool = False) -> Wish:
        """What is to be printed."""
        return Wish(
            kind,
            paper=pdf.paper_named(self.paper.data),
            labels=self.labels.data or "avery-5160",
            start_at=self.start_at.data or 1,
            envelope=self.envelope.data or "no10",
            flip=self.flip.data or "long",
            by_hand=bool(self.by_hand.data) and kind.is_card,
            is_preview=is_preview,
        )

    def which(self) -> Which:
        """Which pieces are meant."""
        named = {parse_id(each) for each in self.members.data or () if each != POOL} - {None}
        asked: set[int | None] = {*named}
        if POOL in (self.members.data or ()):
            asked.add(None)
        return Which(
            members=frozenset(asked),
            unprinted=bool(self.unprinted.data),
            first=self.first.data,
            last=self.last.data,
        )


@dataclass(frozen=True)
class _Row:
    """A piece that is left out, as its reader may know it."""

    number: int
    target_id: int
    target: str
    member: str
    told: Sequence[str]


@blueprint.get("/packs/<code>/print")
@requires(Can.MAKE_PACKS)
def print_page(code: str) -> Any:
    """Choose a paper; then what can be printed, and what cannot and why."""
    mailing = _mailing(code)
    kind = _kind(request.args.get("as"))
    given = request.args.copy()
    usual = _usual()
    for name, value in usual.items():
        given.setdefault(name, value)
    form = PrintForm(given, meta={"csrf": False})
    return _page(mailing, kind, form)


@blueprint.post("/packs/<code>/print/<kind>")
@requires(Can.MAKE_PACKS)
def print_file(code: str, kind: str) -> Any:
    """The PDF; with `preview` a few pieces to look at, which are marked and not counted."""
    mailing, chosen_kind = _mailing(code), _kind(kind)
    if chosen_kind is None:
        abort(404)
    form = PrintForm()
    is_preview = request.form.get("preview") == "1"
    today, me = i18n.today(), current_user._get_current_object()
    viewer = Viewer.of(me)
    slug = f"{chosen_kind}-{mailing.code}"

    def made() -> Response:
        wish = form.wish(chosen_kind, is_preview=is_preview)
        checked = look(mailing, _pieces(mailing, form), wish, viewer=viewer, today=today)
        if not is_preview and form.seen.data != _digest(checked):
            raise Refused(
                _("Something has changed since this was shown. Look at it again, then print.")
            )
        result = print_checked(mailing, checked, wish, by=me, viewer=viewer, today=today)
        response = Response(result.body, mimetype="application/pdf")
        name = f"{'preview-' if is_preview else ''}{slug}-{today.isoformat()}.pdf"
        response.headers.set("Content-Disposition", "attachment", filename=name)
        return response

    response = form.carry(made)
    return response if response is not None else _page(_mailing(code), chosen_kind, form)


def _mailing(code: str) -> Mailing:
    return queries.mailing(code, access.scope(current_user, Can.MAKE_PACKS))


def _kind(name: str | None) -> Kind | None:
    return Kind(name) if name in set(Kind) else None


def _usual() -> dict[str, str]:
    """The papers of the reader's country."""
    paper = pdf.usual_paper()
    return {
        "paper": paper,
        "labels": next(name for name, each in LABEL_SHEETS.items() if each.paper == paper),
        "envelope": next(name for name, each in ENVELOPES.items() if each.paper == paper),
        "flip": "long",
        "start_at": "1",
    }


def _pieces(mailing: Mailing, form: PrintForm) -> list[Piece]:
    pieces = chosen(mailing.id, form.which())
    if not pieces:
        raise Refused(_("No pieces are meant by this: choose others, or all."))
    return pieces


def _digest(checked: Checked) -> str:
    """What is printed and what is left out, as one word."""
    said = [sorted(each.id for each in checked.ready), sorted(each.id for each in checked.hindered)]
    return hashlib.sha256(repr((said, checked.version.id)).encode()).hexdigest()[:16]


def _page(mailing: Mailing, kind: Kind | None, form: PrintForm) -> Any:
    today, viewer = i18n.today(), Viewer.of(current_user)
    checked, refused = None, None
    pieces: Sequence[Piece] = ()
    if kind is not None and not _shape_is_wrong(form):
        try:
            pieces = _pieces(mailing, form)
            checked = look(mailing, pieces, form.wish(kind), viewer=viewer, today=today)
        except Refused as refusal:
            refused = str(refusal.message)
    members = _members(mailing.id) if kind is not None else []
    hindered = checked.hindered if checked is not None else ()
    page = _shown(hindered, viewer)
    return render_template(
        "mailings/print.html",
        mailing=mailing,
        kind=kind,
        Kind=Kind,
        kinds=LABELS,
        form=form,
        checked=checked,
        refused=refused,
        pieces=len(pieces),
        again=sum(each.prints > 0 for each in pieces),
        page=page,
        reasons=_reasons(hindered),
        members=members,
        needs_return=kind not in (None, Kind.LABELS, Kind.SHEETS) and not mailing.chapter.address,
        pool=POOL,
        most_looked_at=MOST_LOOKED_AT,
        seen=_digest(checked) if checked is not None else "",
    ), form.status


def _shape_is_wrong(form: PrintForm) -> bool:
    # A sent form was looked at already; an address is looked at here.
    if not form.is_submitted():
        return not form.validate()
    return any(field.errors for field in form)


def _members(mailing_id: int) -> list[tuple[str, str, int]]:
    """Who has pieces that are not posted, by name: the value, the name, how many."""
    rows = [each for each in queries.by_member(mailing_id) if each.unposted]
    shown = _names([each.id for each in rows if each.id is not None])
    named = sorted(
        (shown[each.id].name, str(each.id), each.unposted) for each in rows if each.id in shown
    )
    pool = [(POOL, _("Nobody yet"), each.unposted) for each in rows if each.id is None]
    return [*((value, name, count) for name, value, count in named), *pool]


def _names(ids: Collection[int]) -> dict[int, Shown]:
    return disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE) if ids else {}


def _shown(hindered: Sequence[Any], viewer: Viewer) -> Page:
    page = page_within(hindered)
    some = page.rows
    targets = target_names({each.target_id for each in some}) if some else {}
    ids = {each.member_id for each in some if each.member_id is not None}
    shown = disclose(ids, to=viewer, exit=Exit.PAGE) if ids else {}
    rows = [
        _Row(
            each.number,
            each.target_id,
            targets.get(each.target_id, ""),
            shown[each.member_id].name if each.member_id in shown else _("Nobody yet"),
            each.told,
        )
        for each in some
    ]
    return replace(page, rows=rows)


def _reasons(hindered: Sequence[Any]) -> list[tuple[str, int]]:
    """The reasons with how many pieces each keeps back, the most first."""
    counts: dict[str, int] = {}
    for each in hindered:
        for told in each.told:
            counts[told] = counts.get(told, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
