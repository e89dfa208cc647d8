"""Pages of a text's words: the editor, the versions, what differs, and the approval."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import access
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.core.history_page import history_page
from crm.core.i18n import today
from crm.core.paging import page_number, page_of
from crm.texts import fields, figures_in, operations, own_fields, queries, rights
from crm.texts.differences import differences
from crm.texts.drafting import Drafted, drafted, own_rows
from crm.texts.forms import ApproveForm, NewTextForm, VersionForm
from crm.texts.kinds import KINDS
from crm.texts.models import Text, TextVersion
from crm.texts.views import blueprint, offer, raw, readable, writable
from crm.treaties import claims
from crm.treaties import queries as treaties
from crm.treaties.claims.ledger import read_ledger
from crm.treaties.claims.views import VERDICTS

_TWICE = re.compile(r"\bdear\s+\(\(\s*target\.\s*salutation", re.IGNORECASE)

# Writing


@blueprint.get("/new")
@requires(Can.WRITE_TEXTS)
def new() -> Any:
    """The editor of a text to be."""
    form = NewTextForm(formdata=None)
    campaign = next(
        (row[0] for row in queries.campaigns_in_use() if row[1] == request.args.get("campaign")),
        "",
    )
    form.process(data={"language": "en", "kind": _asked_kind(), "campaign_id": campaign})
    offer(form)
    if not access.scope(current_user, Can.WRITE_TEXTS).everywhere and form.chapter_id.choices:
        form.chapter_id.data = form.chapter_id.choices[0][0]
    return _editor(form, None, Drafted("", ""))


def _asked_kind() -> str:
    asked = request.args.get("kind", "")
    return asked if asked in KINDS else "letter"


@blueprint.post("/new")
@requires(Can.WRITE_TEXTS)
def create() -> Any:
    """Make it, once all that stands in its brackets is decided."""
    form = NewTextForm()
    offer(form)
    words = _draft(form, None, _is_to_members(form.kind.data))
    text = None
    if words.is_settled:
        text = form.carry(
            lambda: operations.make_text(
                name=form.name.data,
                kind=form.kind.data,
                chapter_id=form.chapter_id.data,
                campaign_id=form.campaign_id.data,
                language=form.language.data,
                subject=words.subject,
                body=words.body,
                own=words.own,
                note=form.note.data,
                by=current_user,
            )
        )
    else:
        form.validate_on_submit()
    if text is None:
        return _editor(form, None, words), 422
    flash(_("The text is made. It prints once it is approved."), "success")
    _warn(words)
    return redirect(url_for(".page", slug=text.slug), 303)


@blueprint.get("/<slug>/write")
@requires(Can.WRITE_TEXTS)
def write(slug: str) -> Any:
    """The editor of the next version, in a language there is or a new one."""
    text = writable(slug)
    variants = queries.variants([text.id])[text.id]
    asked = request.args.get("language") or variants[0].language
    variant = next((each for each in variants if each.language == asked), None)
    # A new language begins with the words of the first, to be translated.
    start = variant.newest if variant is not None else variants[0].newest
    again = parse_id(request.args.get("number"))
    if again is not None and variant is not None:
        start = queries.version(text.id, variant.language, again)
    form = VersionForm(formdata=None)
    form.process(
        data={
            "language": asked if variant is not None or asked != variants[0].language else "",
            "subject": start.subject,
            "body": start.body,
            "based_on": variant.newest.number if variant is not None else 0,
        }
    )
    words = Drafted(start.subject or "", start.body, own_fields.read(start.fields))
    return _editor(form, text, words)


@blueprint.post("/<slug>/write")
@requires(Can.WRITE_TEXTS)
def save(slug: str) -> Any:
    """Keep the next version. Where somebody wrote since, what was typed comes back."""
    text, form = writable(slug), VersionForm()
    try:
        language = operations.known_language(form.language.data or "")
    except Refused:
        language = ""
    newest = queries.latest(text.id, language) if language else None
    words = _draft(form, newest, _is_to_members(text.kind))
    based_on = form.based_on.data or 0
    if form.overwrite.data and newest is not None:
        based_on = newest.number
    outcome: list[TextVersion | None] = []

    def write_it() -> bool:
        outcome.append(
            operations.write_version(
                text,
                language=form.language.data,
                based_on=based_on,
                subject=words.subject,
                body=words.body,
                own=words.own,
                note=form.note.data,
                by=current_user,
            )
        )
        return True

    done = form.carry(write_it) if words.is_settled else form.validate_on_submit() and None
    if not done:
        text = queries.text(slug)
        overtaken = newest if newest is not None and newest.number != based_on else None
        if overtaken is not None:
            overtaken = queries.version(text.id, overtaken.language, overtaken.number)
        return _editor(form, text, words, overtaken=overtaken), 422
    version = outcome[0]
    if version is None:
        flash(_("Nothing was changed: no new version was made."), "info")
    else:
        flash(_("Version %(number)s is kept.", number=version.number), "success")
        _warn(words)
    return redirect(url_for(".page", slug=slug, language=language), 303)


def _warn(words: Drafted) -> None:
    """Say what is probably a slip, though it can be kept."""
    if _TWICE.search(words.body):
        flash(
            _("“Dear” stands before ((target.salutation)), which says “Dear …” itself."),
            "warning",
        )


def _is_to_members(kind: str | None) -> bool:
    return kind in KINDS and KINDS[kind].to_members


def _draft(
    form: NewTextForm | VersionForm, before: TextVersion | None, to_members: bool
) -> Drafted:
    """What was typed, with what was decided; as typed where it cannot be read."""
    subject, body = form.subject.data or "", form.body.data or ""
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    ledger = treaties.ledger() if "@" in subject + body else None
    try:
        words = drafted(subject, body, request.form, before, ledger, to_members=to_members)
    except Refused:
        # The operation says the same, beside the field.
        return Drafted(subject, body, own_rows(request.form))
    form.subject.data, form.body.data = words.subject, words.body
    return words


def _editor(
    form: NewTextForm | VersionForm,
    text: Text | None,
    words: Drafted,
    *,
    overtaken: TextVersion | None = None,
) -> str:
    return render_template(
        "texts/edit.html",
        form=form,
        text=text,
        words=words,
        left=[
            name
            for name, value in request.form.items()
            if name.startswith("bracket-") and value == "leave" and not words.is_settled
        ],
        own_kinds=own_fields.KINDS,
        offered=fields.offered(
            to_members=_is_to_members(text.kind if text else form.data.get("kind"))
        ),
        overtaken=overtaken,
    )


# Versions


@blueprint.get("/<slug>/versions")
@requires(Can.WRITE_TEXTS)
def versions(slug: str) -> Any:
    """All versions, with who and when; two of a language can be compared."""
    text = readable_drafts(slug)
    language = request.args.get("language") or None
    page = page_of(queries.versions(text.id, language), number=page_number())
    found = queries.variants([text.id])[text.id]
    return render_template(
        "texts/versions.html",
        text=text,
        page=page,
        languages=[each.language for each in found],
        language=language,
        printing={each.approved.id for each in found if each.approved is not None},
    )


@blueprint.get("/<slug>/difference")
@requires(Can.WRITE_TEXTS)
def difference(slug: str) -> Any:
    """What two versions of a language differ in."""
    text = readable_drafts(slug)
    language = request.args.get("language", "")
    old, new = (parse_id(request.args.get(name)) for name in ("old", "new"))
    newest = queries.latest(text.id, language)
    if newest is None:
        return redirect(url_for(".versions", slug=slug), 303)
    after = queries.version(text.id, language, new or newest.number)
    before = queries.version(text.id, language, old or max(after.number - 1, 1))
    return render_template(
        "texts/difference.html",
        text=text,
        language=language,
        before=before,
        after=after,
        newest=newest.number,
        subject=differences(before.subject or "", after.subject or ""),
        body=differences(before.body, after.body),
    )


@blueprint.get("/<slug>/languages")
@requires(Can.WRITE_TEXTS)
def languages(slug: str) -> Any:
    """The languages of a text side by side, and which is behind."""
    text = readable_drafts(slug)
    found = queries.variants([text.id])[text.id]
    return render_template(
        "texts/languages.html",
        text=text,
        variants=found,
        behind=queries.behind(found),
        shown={each.language: raw(each.newest) for each in found},
    )


@blueprint.get("/<slug>/history")
@requires(Can.WRITE_TEXTS)
def text_history(slug: str) -> Any:
    """Who did what to a text."""
    text = readable_drafts(slug)
    return history_page({"text": [text.id]}, name=text.name, back=url_for(".page", slug=slug))


def readable_drafts(slug: str) -> Text:
    """The text, for who reads its drafts."""
    text = readable(slug)
    if not rights.may_read_drafts(text, current_user):
        abort(404)
    return text


# Approval


@blueprint.get("/<slug>/approve")
@requires(Can.APPROVE_TEXTS)
def approval(slug: str) -> Any:
    """What is to be approved: the words, the figures of today, and what the claim check says."""
    return _approval(slug, ApproveForm(formdata=None))


@blueprint.post("/<slug>/approve")
@requires(Can.APPROVE_TEXTS)
def approve(slug: str) -> Any:
    """Approve it, or approve it again."""
    return _decided(
        slug,
        partial(operations.approve, by=current_user, today=today()),
        lambda number: _("Version %(number)s is approved: it is what prints.", number=number),
    )


@blueprint.post("/<slug>/take-approval-back")
@requires(Can.APPROVE_TEXTS)
def take_approval_back(slug: str) -> Any:
    """It is not what prints any more."""
    return _decided(
        slug,
        partial(operations.take_approval_back, by=current_user),
        lambda number: _("The approval of version %(number)s is taken back.", number=number),
    )


def _decided(slug: str, decide: Callable[..., TextVersion], told: Callable[[int], str]) -> Any:
    """Decide about the version that was sent, and say so."""
    text, form = readable(slug), ApproveForm()
    language = request.form.get("language", "")
    if not language.isprintable():
        # A NUL is no language, and no database takes one.
        abort(404)
    version = form.carry(
        lambda: decide(
            text,
            language=language,
            number=parse_id(request.form.get("number")) or 0,
        )
    )
    if version is None:
        return _approval(slug, form), form.status
    flash(told(version.number), "success")
    return redirect(url_for(".page", slug=slug, language=version.language), 303)


def _approval(slug: str, form: ApproveForm) -> str:
    text = readable(slug)
    found = queries.variants([text.id])[text.id]
    language = request.values.get("language") or found[0].language
    variant = next((each for each in found if each.language == language), found[0])
    number = parse_id(request.values.get("number")) or variant.newest.number
    version = queries.version(text.id, variant.language, number)
    ledger = treaties.ledger()
    now = figures_in.figures_of(figures_in.keys_of(version), on=today(), ledger=ledger)
    locale = fields.locale_of(version.language)
    shown = raw(version, {key: figures_in.written(each.value, locale) for key, each in now.items()})
    words = "".join(run.text for run in shown)
    report = claims.check(words, read_ledger(ledger), today=today())
    return render_template(
        "texts/approve.html",
        text=text,
        version=version,
        shown=shown,
        figures=figures_in.frozen(now).values(),
        stale=figures_in.stale(version, now),
        # A field is no claim: it is filled when it prints.
        found=[each for each in report.claims if not each.text.startswith("((")],
        verdicts=VERDICTS,
        before=variant.approved if variant.approved and variant.approved.id != version.id else None,
        may_approve=rights.may_approve(text, current_user),
        who_approves=rights.who_approves(text),
        own_words=version.written_by_id == current_user.id,
        others=rights.others_approve(text, current_user),
        form=form,
    )
