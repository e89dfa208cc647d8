"""Pages of letters to members: the form, what would be sent, and how far one is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from crm.campaigns.models import Campaign
from crm.core import access, db, mail, reads
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, WithNames, parse_id
from crm.core.history_page import history_page
from crm.core.i18n import timezone_name, today
from crm.core.paging import Page, page_number, page_of
from crm.core.streams import stream
from crm.core.tables import FORMATS
from crm.mailings import letter_files, letter_operations, letter_queries, letters
from crm.mailings.letter_files import Listed
from crm.mailings.letter_forms import LetterForm, RateForm
from crm.mailings.letter_operations import Changed, find_sent, send_letter
from crm.mailings.letters import Look, Wanted, filter_of
from crm.mailings.models import MemberLetter
from crm.mailings.rules import LetterState, RowState, letter_state_name, row_state_name
from crm.mailings.views import blueprint
from crm.members import filters
from crm.members.disclosure import Exit, Shown, Viewer, disclose
from crm.members.filters import Reader
from crm.members.models import Member
from crm.members.queries import MemberFilter, chapters_in, visible_members
from crm.outreach.forms import options
from crm.texts import own_fields
from crm.texts.kinds import KINDS
from crm.texts.models import Text
from crm.texts.queries import campaigns_in_use
from crm.texts.views import language_name

#: Lines of a page.
_SIZE = 50


@blueprint.app_context_processor
def _letter_words() -> dict[str, Any]:
    return {
        "letter_state_name": letter_state_name,
        "row_state_name": row_state_name,
        "RowState": RowState,
        "LetterState": LetterState,
        "why_told": why_told,
        "language_name": language_name,
    }


def why_told(why: str | None) -> str:
    """A reason that is kept, in the reader's words; of a server's refusal as it was said."""
    return str(letters.WHYS.get(why or "", why or ""))


# Before it is sent


@blueprint.route("/letters/new", methods=["GET", "POST"])
@requires(Can.EDIT_MEMBERS)
def letter_new() -> Any:
    """The form; sent, whom it would reach; sent again, the letter."""
    form = LetterForm()
    if form.is_submitted() and (already := find_sent(form.client_key.data or "")):
        flash(_("This letter was sent already; it is not sent twice."), "warning")
        return redirect(url_for(".letter", code=already.code), 303)
    texts = letters.sendable_texts()
    _offer(form, texts)
    do = request.form.get("do", "")
    if not form.is_submitted():
        _begin(form, texts)
    _ask_own(form)
    if not form.is_submitted() or do == "text":
        return _page(form, None)
    if do == "send":
        return _send(form)
    found = form.carry(lambda: _look(form))
    if found is not None and do in FORMATS:
        return _check_file(form, found, do)
    if found is not None and do == "names":
        return _check_file_with_names(form, found)
    return _page(form, found)


def _send(form: LetterForm) -> Any:
    anew: list[Look] = []

    def operation() -> MemberLetter:
        try:
            return send_letter(
                wanted=_wanted(form),
                client_key=form.client_key.data or "",
                shown=form.shown.data or "",
                name=form.name.data,
                rate=form.rate.data or 0,
                answers_to_me=bool(form.answers_to_me.data),
                by=current_user,
                today=today(),
            )
        except Changed:
            db.rollback()
            anew.append(_look(form))
            raise

    sent = form.carry(operation)
    if sent is None:
        return _page(form, anew[0] if anew else None)
    flash(_("The letter is on its way. You may leave this page: it goes on."), "success")
    return redirect(url_for(".letter", code=sent.code), 303)


def _look(form: LetterForm) -> Look:
    letter_operations.check(form.rate.data or 0)
    return letters.look(_wanted(form), by=current_user, today=today())


def _wanted(form: LetterForm) -> Wanted:
    return Wanted(
        text_id=parse_id(form.text.data) or 0,
        chapter_id=parse_id(form.chapter.data) or 0,
        campaign_id=parse_id(form.campaign.data),
        given=filter_of(request.args.items(multi=True)),
        values=form.values,
    )


def _offer(form: LetterForm, texts: Sequence[tuple[int, str, str]]) -> None:
    choose = ("", _("Choose"))
    form.text.choices = options([choose, *((str(number), name) for number, _s, name in texts)])
    form.campaign.choices = options(
        [
            ("", _("No campaign in particular")),
            *((str(each[0]), each[2]) for each in campaigns_in_use()),
        ]
    )
    chapters = chapters_in(access.scope(current_user, letters.RIGHT), open_only=True)
    form.chapter.choices = options([choose, *((str(each.id), each.name) for each in chapters)])


def _begin(form: LetterForm, texts: Sequence[tuple[int, str, str]]) -> None:
    """Set what the address names, and what is likely."""
    slug = request.args.get("text")
    likely = [number for number, each, _name in texts if each == slug or len(texts) == 1]
    form.text.data = str(likely[0]) if likely else None
    text = db.session.get(Text, likely[0]) if likely else None
    if text is not None and text.campaign_id is not None:
        form.campaign.data = str(text.campaign_id)
    chapters = chapters_in(access.scope(current_user, letters.RIGHT), open_only=True)
    named = [each for each in chapters if each.slug == request.args.get("chapter")]
    if named or len(chapters) == 1:
        form.chapter.data = str((named or chapters)[0].id)


def _ask_own(form: LetterForm) -> None:
    text = db.session.get(Text, parse_id(form.text.data) or 0)
    if text is None or not KINDS[text.kind].to_members:
        return
    try:
        versions = letters.words(text)
    except Refused:
        return
    # Each language may ask its own; what several ask is asked once.
    asked = {
        own.key: own for version in versions.values() for own in own_fields.read(version.fields)
    }
    form.own_fields = [each for each in asked.values() if each.kind != "hand"]


def _page(form: LetterForm, found: Look | None) -> Any:
    listed, shown = None, {}
    if found is not None:
        form.shown.data = found.digest
        listed = _part(found)
        shown = _shown([line.member_id for line in listed.rows])
    try:
        facts = filters.parse(_filter_args(), Reader.of(current_user)).facts
    except LookupError:
        facts = []
    status = 422 if form.is_submitted() and (form.errors or form.form_errors) else 200
    body = render_template(
        "mailings/letter_new.html",
        form=form,
        found=found,
        listed=listed,
        shown=shown,
        sample=_sample(found) if found is not None else None,
        facts=facts,
        members=url_for("members.index", **filter_of(request.args.items(multi=True))),  # type: ignore[arg-type]
        here=request.full_path.rstrip("?"),
        is_set_up=mail.is_configured(),
        formats=FORMATS.values(),
    )
    return body, status


def _filter_args() -> MultiDict[str, str]:
    given = filter_of(request.args.items(multi=True))
    return MultiDict([(name, each) for name, values in given.items() for each in values])


def _part(found: Look) -> Page:
    """The page of the lines that was asked for, by a button of the form."""
    wanted = parse_id(request.form.get("part")) or 1
    number = max(1, min(wanted, -(-len(found.lines) // _SIZE)))
    some = found.lines[(number - 1) * _SIZE : number * _SIZE]
    return Page(rows=some, number=number, size=_SIZE, total=len(found.lines), capped=False)


def _sample(found: Look) -> Any:
    """The words as the first who gets it reads them."""
    first = next((line for line in found.lines if line.why is None), None)
    if first is None:
        return None
    wanted = found.wanted
    campaign = db.session.get(Campaign, wanted.campaign_id) if wanted.campaign_id else None
    pieces = letters.merged(
        {first.member_id: first.language},
        found.versions,
        wanted.values,
        campaign,
        found.chapter,
        today(),
    )
    return pieces[first.member_id]


def _shown(ids: Sequence[int]) -> dict[int, Shown]:
    """Members as the reader may know them; those of chapters they do not keep not at all.

    Whoever is not named by a consent that was withdrawn is told apart by those who keep them.
    """
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    unnamed = [number for number, each in shown.items() if not each.is_named]
    scope = access.scope(current_user, letters.RIGHT)
    if unnamed and not scope.everywhere:
        kept = visible_members(scope, one_by_one=True).where(Member.id.in_(unnamed))
        theirs = set(db.session.scalars(kept.with_only_columns(Member.id)))
        shown = {key: each for key, each in shown.items() if each.is_named or key in theirs}
    return shown


def _check_file(form: LetterForm, found: Look, format: str) -> Any:
    if not access.may(current_user, Can.EXPORT_REPORTS):
        form.refuse(Refused(_("You may not download lists.")))
        return _page(form, found)
    listed = _listed_of_look(found, Viewer.of(current_user))
    reads.export("letter-check", format=format, filters={"text": found.text.slug})
    return _file(listed, format)


def _check_file_with_names(form: LetterForm, found: Look) -> Any:
    if not access.may(current_user, Can.EXPORT_PEOPLE):
        form.refuse(Refused(_("You may not download lists that name members.")))
        return _page(form, found)
    format = form.format.data or "csv"
    listed = form.carry(
        lambda: letter_files.record(
            _listed_of_look(found, Viewer.of(current_user, exports_people=True)),
            reason=form.reason.data,
            format=format,
            by=current_user,
        )
    )
    return _file(listed, format) if listed is not None else _page(form, found)


def _listed_of_look(found: Look, viewer: Viewer) -> Listed:
    return _listed(
        _("Check of the letter %(name)s", name=found.text.name),
        [
            (
                line.member_id,
                _("Gets it") if line.why is None else _("Does not"),
                line.told or why_told(line.why),
            )
            for line in found.lines
        ],
        found.facts,
        viewer,
    )


def _listed(
    title: str,
    rows: Sequence[tuple[int, str, str]],
    facts: Sequence[tuple[str, str]],
    viewer: Viewer,
) -> Listed:
    return Listed(
        title=title,
        rows=rows,
        facts=facts,
        viewer=viewer,
        made_at=datetime.now(ZoneInfo(timezone_name())),
        made_by=current_user.name,
    )


def _file(listed: Listed, format: str) -> Response:
    # The application itself: a request's proxy is gone when its file is still being sent.
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    pieces = stream(
        app, lambda: letter_files.table(listed), format=format, locale=str(get_locale())
    )
    response = Response(pieces, mimetype=FORMATS[format].mimetype)
    name = f"letter-{listed.made_at:%Y-%m-%d}.{format}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


# Once it is sent


def letter_of(code: str) -> MemberLetter:
    """The letter of an address, of chapters whose members the reader keeps; else 404."""
    return letter_queries.letter(code, access.scope(current_user, letters.RIGHT))


@blueprint.get("/letters")
@requires(Can.EDIT_MEMBERS)
def letters_sent() -> Any:
    """Letters to members, the newest first."""
    scope = access.scope(current_user, letters.RIGHT)
    page = page_of(letter_queries.sent(scope), number=page_number())
    return render_template(
        "mailings/letters.html",
        page=page,
        progress=letter_queries.progress([each.id for each in page.rows]),
    )


@blueprint.get("/letters/<code>")
@requires(Can.EDIT_MEMBERS)
def letter(code: str) -> Any:
    """One letter: how far it is, and what became of each."""
    return _letter_page(letter_of(code), RateForm(formdata=None), WithNames(formdata=None), 200)


def _letter_page(found: MemberLetter, rate: RateForm, names: WithNames, status: int) -> Any:
    state = request.args.get("state", "")
    state = state if state in set(RowState) else ""
    page = page_of(
        letter_queries.rows(found.id, state=state or None), number=page_number(), scalars=False
    )
    if rate.rate.data is None or not rate.is_submitted():
        rate.rate.data = found.rate
    return (
        render_template(
            "mailings/letter.html",
            letter=found,
            progress=letter_queries.progress([found.id])[found.id],
            page=page,
            state=state,
            shown=_shown([row.member_id for row in page.rows]),
            rate=rate,
            names=names,
            click=Form(formdata=None),
            formats=FORMATS.values(),
            versions=found.chosen.get("versions", {}),
        ),
        status,
    )


@blueprint.get("/letters/<code>/history")
@requires(Can.EDIT_MEMBERS)
def letter_history(code: str) -> Any:
    """Who did what with the letter."""
    found = letter_of(code)
    return history_page(
        {"member_letter": [found.id]}, name=found.name, back=url_for(".letter", code=code)
    )


@blueprint.post("/letters/<code>/<any(pause, resume, stop):what>")
@requires(Can.EDIT_MEMBERS)
def letter_turn(code: str, what: str) -> Any:
    """Pause it, go on, or stop it for good."""
    found = letter_of(code)
    if what == "resume":
        letter_operations.resume(found.id, by=current_user)
        flash(_("The letter goes on."), "success")
    elif what == "pause":
        letter_operations.pause(found.id, by=current_user)
        flash(_("The letter is paused. What a mail server has in hand may still leave."), "success")
    else:
        reason = request.form.get("reason", "")[:300]
        letter_operations.stop(found.id, by=current_user, reason=reason)
        flash(_("The letter is stopped. What has left, left."), "success")
    return redirect(url_for(".letter", code=code), 303)


@blueprint.post("/letters/<code>/rate")
@requires(Can.EDIT_MEMBERS)
def letter_rate(code: str) -> Any:
    """Send faster or slower."""
    found, form = letter_of(code), RateForm()
    done = form.carry(
        lambda: letter_operations.change_rate(found.id, rate=form.rate.data or 0, by=current_user)
    )
    if done is None:
        return _letter_page(letter_of(code), form, WithNames(formdata=None), 422)
    flash(_("From the next minute on."), "success")
    return redirect(url_for(".letter", code=code), 303)


@blueprint.get("/letters/<code>.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def letter_file(code: str, format: str) -> Any:
    """The account of a letter as a file: members are pseudonyms there."""
    found = letter_of(code)
    reads.export("letter", format=format, filters={"letter": found.code})
    return _file(_account(found, Viewer.of(current_user)), format)


@blueprint.post("/letters/<code>/download")
@requires(Can.EXPORT_PEOPLE)
def letter_names(code: str) -> Any:
    """The same file with names, for a reason that is kept."""
    found, form = letter_of(code), WithNames()
    listed = form.carry(
        lambda: letter_files.record(
            _account(found, Viewer.of(current_user, exports_people=True)),
            reason=form.reason.data,
            format=form.format.data or "csv",
            by=current_user,
        )
    )
    if listed is None:
        return _letter_page(letter_of(code), RateForm(formdata=None), form, 422)
    return _file(listed, form.format.data or "csv")


def _account(found: MemberLetter, viewer: Viewer) -> Listed:
    rows = db.session.execute(letter_queries.rows(found.id)).all()
    facts = [(str(label), str(value)) for label, value in found.chosen.get("facts", [])]
    return _listed(
        _("Letter %(name)s", name=found.name),
        [(number, row_state_name(state), why_told(why)) for number, state, why in rows],
        facts,
        viewer,
    )


# Hung on pages below


def of_list(_wanted: MemberFilter) -> dict[str, Any] | None:
    """The way from the list of members to a letter to those on it."""
    if not access.may(current_user, letters.RIGHT):
        return None
    return {"given": filter_of(request.args.items(multi=True))}


def of_text(text: Any) -> dict[str, Any] | None:
    """The way from a message to sending it, and where it was sent."""
    scope = access.scope(current_user, letters.RIGHT)
    if not KINDS[text.kind].to_members or not scope:
        return None
    sent = db.session.scalars(letter_queries.sent(scope, text_id=text.id).limit(5)).all()
    return {
        "text": text,
        "letters": sent,
        "progress": letter_queries.progress([each.id for each in sent]) if sent else {},
    }
