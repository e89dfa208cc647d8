"""The pages of texts: the list, one text filled for whoever is chosen, and what it is called."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import access, db, shell
from crm.core.access import Can, Scope, requires
from crm.core.forms import parse_id
from crm.core.i18n import day, language, today
from crm.core.paging import page_number, page_of
from crm.members import disclosure
from crm.members.disclosure import Exit, Viewer
from crm.members.models import Member
from crm.members.queries import MemberFilter, chapters_in, is_visible, members
from crm.outreach.channels import channels
from crm.outreach.commitment_queries import OVERDUE, CommitmentFilter, Line, first_lines
from crm.outreach.queries import ActionFilter
from crm.targets.models import Target
from crm.targets.queries import find_targets
from crm.texts import fields, figures_in, operations, own_fields, queries, rights
from crm.texts.forms import ApproveForm, NewTextForm, PreviewForm, SettingsForm
from crm.texts.kinds import KINDS, kind
from crm.texts.merge import alone, merge
from crm.texts.merged import Merged, Wanted
from crm.texts.models import Text, TextVersion
from crm.texts.queries import TextFilter, Variant
from crm.texts.rules import Condition, Part, Run, parse
from crm.texts.to_members import to_members
from crm.texts.ways import mailto, ways
from crm.treaties import queries as treaties
from crm.treaties.queries import Ledger

blueprint = Blueprint("texts", __name__, url_prefix="/texts")
#: Members and targets offered where a typed name fits several.
_OFFERED = 8
#: Overdue promises beside what is said to a target.
_OWED = 5


@blueprint.context_processor
def _common() -> dict[str, Any]:
    return {
        "TEXT_KINDS": KINDS,
        "language_name": language_name,
        "may_write": _may_write,
        "day_of": lambda kept: day(date.fromisoformat(kept)),
    }


def language_name(code: str) -> str:
    """A language in the reader's words, with its code where there are none."""
    found = fields.locale_of(code).get_display_name(language())
    return f"{found[:1].upper()}{found[1:]}" if found and fields.is_known(code) else code


def _may_write(text: Text) -> bool:
    return rights.may_write(text, current_user)


@blueprint.get("/")
@requires(Can.SEE)
def index() -> Any:
    """All texts the reader may read."""
    asked = {name: request.args.get(name, "").strip() for name in ("q", "kind", "state")}
    slug = request.args.get("campaign", "")
    campaigns = queries.campaigns_in_use()
    wanted = TextFilter(
        q=asked["q"] or None,
        kind=asked["kind"] if asked["kind"] in KINDS else None,
        state=asked["state"] if asked["state"] in ("approved", "waiting", "retired") else None,
        campaign_id=next((number for number, each, _name in campaigns if each == slug), None),
    )
    drafts = access.scope(current_user, Can.WRITE_TEXTS)
    page = page_of(queries.texts(wanted, drafts=drafts), number=page_number())
    variants = queries.variants([each.id for each in page.rows])
    return render_template(
        "texts/index.html",
        page=page,
        variants=variants,
        stale=_stale_texts(variants),
        drafts={each.id for each in page.rows if rights.may_read_drafts(each, current_user)},
        campaigns=campaigns,
        asked=asked,
        campaign=slug,
        narrowed=any(asked.values()) or bool(slug),
        states={"approved": _("Approved"), "waiting": _("Waiting for approval"),
                "retired": _("Retired")},
    )  # fmt: skip


def _stale_texts(variants: dict[int, list[Variant]]) -> set[int]:
    """Texts of which what prints has figures that changed."""
    approved = [
        each.approved for found in variants.values() for each in found if each.approved is not None
    ]
    stale = figures_in.stale_ids(approved, on=today())
    return {each.text_id for each in approved if each.id in stale}


@blueprint.get("/by-id/<int:text_id>")
@requires(Can.SEE)
def by_id(text_id: int) -> Any:
    """The page of a text that others know by its number: histories do."""
    return redirect(url_for(".page", slug=readable(queries.text_of(text_id).slug).slug), 303)


@blueprint.get("/<slug>")
@requires(Can.SEE)
def page(slug: str) -> Any:
    """One text, filled for whoever is chosen."""
    text, form = readable(slug), PreviewForm(formdata=None)
    if kind(text.kind).to_members:
        form.signed_by.label.text = _("Member")
    return show(text, form)


@blueprint.post("/<slug>/preview")
@requires(Can.SEE)
def preview(slug: str) -> Any:
    """Find whom it is to be filled for by typed names. Nothing is kept."""
    text, form = readable(slug), PreviewForm()
    if kind(text.kind).to_members:
        form.signed_by.label.text = _("Member")
    if not form.validate_on_submit():
        return show(text, form), 422
    chosen = _chosen()
    target_id, member_id = chosen["target"], chosen["member"]
    offered: dict[str, Any] = {}
    if form.to.data:
        targets = find_targets(form.to.data, _OFFERED)
        if len(targets) == 1:
            target_id = targets[0].id
        else:
            offered["targets"] = targets
            form.to.errors = [
                *form.to.errors,
                _("Several fit: choose below.") if targets else _("No target fits this name."),
            ]
    if form.signed_by.data:
        found = _members_named(form.signed_by.data)
        if len(found) == 1:
            member_id = found[0]
        else:
            shown = disclosure.disclose(found, to=Viewer.of(current_user), exit=Exit.PAGE)
            offered["members"] = [shown[each] for each in found]
            form.signed_by.errors = [
                *form.signed_by.errors,
                _("Several fit: choose below.") if found else _("No member you see fits this."),
            ]
    if form.errors:
        return show(text, form, offered=offered), 422
    return redirect(
        url_for(
            ".page",
            slug=slug,
            language=request.form.get("language") or None,
            number=parse_id(request.form.get("number")),
            target=target_id,
            member=member_id,
        ),
        303,
    )


def _members_named(q: str) -> list[int]:
    scope = access.scope(current_user, Can.SEE_MEMBERS)
    if not scope:
        return []
    found = members(MemberFilter(q=q), scope, today=today()).with_only_columns(
        Member.id, maintain_column_froms=True
    )
    return list(db.session.scalars(found.limit(_OFFERED)))


def readable(slug: str) -> Text:
    """The text, for who may read it; 404 for a draft of others."""
    text = queries.text(slug)
    if not rights.may_read_drafts(text, current_user) and not _is_approved(text.id):
        abort(404)
    return text


def _is_approved(text_id: int) -> bool:
    return any(each.approved is not None for each in queries.variants([text_id])[text_id])


def _chosen() -> dict[str, int | None]:
    return {name: parse_id(request.values.get(name)) for name in ("target", "member")}


def show(text: Text, form: PreviewForm, *, offered: dict[str, Any] | None = None) -> str:
    """The page of a text, in the language and number of the address."""
    variants = queries.variants([text.id])[text.id]
    drafts = rights.may_read_drafts(text, current_user)
    if not drafts:
        variants = [each for each in variants if each.approved is not None]
    asked = request.values.get("language", "")
    variant = next((each for each in variants if each.language == asked), variants[0])
    number = parse_id(request.values.get("number"))
    version = _version(text, variant, number, drafts=drafts)
    keys = figures_in.keys_of(version)
    ledger = treaties.ledger() if figures_in.asks_ledger(keys) else None
    now = figures_in.figures_of(keys, on=today(), ledger=ledger) if ledger else {}
    merged, target, member = _merged(text, version, ledger)
    return render_template(
        "texts/page.html",
        text=text,
        kind=kind(text.kind),
        variants=variants,
        behind=queries.behind(variants),
        variant=variant,
        version=version,
        drafts=drafts,
        raw=raw(version),
        merged=merged,
        target=target,
        member=member,
        reach=_reach(text, target, merged),
        own=own_fields.read(version.fields),
        own_kinds=own_fields.KINDS,
        figures=version.figures.values() if version.approved_at is not None else
        figures_in.frozen(now).values(),
        stale=figures_in.stale(version, now),
        may_approve=rights.may_approve(text, current_user),
        who_approves=rights.who_approves(text),
        form=form,
        click=ApproveForm(formdata=None),
        offered=offered or {},
        with_script=_with_script(text),
        owed=_owed(text, target),
        panels=shell.panels("text", text) if any(each.approved for each in variants) else [],
        channels=", ".join(str(channels()[each].label) for each in kind(text.kind).channels),
        whole=None if kind(text.kind).is_addressed or kind(text.kind).to_members else alone(
            version, campaign=text.campaign, chapter=text.chapter, values={}, on=today())[0],
    )  # fmt: skip


def _version(text: Text, variant: Variant, number: int | None, *, drafts: bool) -> TextVersion:
    if number is not None:
        version = queries.version(text.id, variant.language, number)
        if version.approved_at is None and not drafts:
            abort(404)
        return version
    if drafts or variant.approved is None:
        return variant.newest
    return variant.approved


def raw(version: TextVersion, figures: Mapping[str, str] | None = None) -> list[Run]:
    """The words as they were written, with what stands in brackets marked.

    `figures` are filled; of a condition both the words and what it asks are there.
    """
    whole: list[Run] = []
    _run(parse(version.body), figures or {}, whole)
    return whole


def _run(parts: Sequence[Part], figures: Mapping[str, str], whole: list[Run]) -> None:
    for part in parts:
        if isinstance(part, str):
            whole.append(Run(part))
        elif isinstance(part, Condition):
            mark = "not " if part.negated else ""
            whole.append(Run(f"(({mark}{part.name}??", part.name, is_missing=True))
            _run(part.words, figures, whole)
            whole.append(Run("))", part.name, is_missing=True))
        elif part.key in figures:
            whole.append(Run(figures[part.key], part.name))
        else:
            whole.append(Run(f"(({part.name}))", part.name, is_missing=True))


def _merged(
    text: Text, version: TextVersion, ledger: Ledger | None
) -> tuple[Merged | None, Target | None, disclosure.Shown | None]:
    chosen = _chosen()
    target_id = chosen["target"]
    if kind(text.kind).to_members:
        return _merged_for_member(text, version, chosen["member"], ledger)
    if target_id is None:
        return None, None, None
    target = db.session.get(Target, target_id)
    if target is not None and target.merged_into_id is not None:
        target = db.session.get(Target, target.merged_into_id)
    if target is None:
        abort(404)
    member_id = chosen["member"]
    member = _shown_member(member_id) if member_id is not None else None
    (piece,) = merge(
        version,
        [Wanted(target.id, member_id)],
        campaign=text.campaign,
        chapter=text.chapter,
        values={},
        on=today(),
        viewer=Viewer.of(current_user),
        needs_address=kind(text.kind).prints and not kind(text.kind).is_mail,
        ledger=ledger,
    )
    return piece, target, member


def _shown_member(member_id: int) -> disclosure.Shown:
    if not is_visible(member_id, access.scope(current_user, Can.SEE_MEMBERS)):
        abort(404)
    viewer = Viewer.of(current_user)
    return disclosure.disclose([member_id], to=viewer, exit=Exit.PAGE)[member_id]


def _merged_for_member(
    text: Text, version: TextVersion, member_id: int | None, ledger: Ledger | None
) -> tuple[Merged | None, None, disclosure.Shown | None]:
    if member_id is None:
        return None, None, None
    member = _shown_member(member_id)
    (piece,) = to_members(
        version,
        [member_id],
        campaign=text.campaign,
        chapter=text.chapter,
        values={},
        on=today(),
        ledger=ledger,
    )
    return piece, None, member


def _reach(text: Text, target: Target | None, merged: Merged | None) -> dict[str, Any] | None:
    """How it goes out without paper."""
    how = kind(text.kind)
    if target is None or merged is None or not (how.is_mail or how.channel == "call"):
        return None
    way = ways([target.id])[target.id]
    link = None
    if way.email and how.is_mail and not merged.body.missing and not merged.subject.missing:
        link = mailto(way.email, str(merged.subject), str(merged.body))
    return {"way": way, "mailto": link}


def _with_script(text: Text) -> list[tuple[Text, str]]:
    """Talking points of the same campaign as they print, beside a phone script."""
    if text.kind != "phone-script" or text.campaign_id is None:
        return []
    wanted = TextFilter(kind="talking-points", campaign_id=text.campaign_id, state="approved")
    nowhere = Scope(everywhere=False, chapter_ids=frozenset())
    points = list(db.session.scalars(queries.texts(wanted, drafts=nowhere).limit(3)))
    if not points:
        return []
    found = queries.variants([each.id for each in points])
    return [
        (each, next(one.approved.body for one in found[each.id] if one.approved is not None))
        for each in points
    ]


def _owed(text: Text, target: Target | None) -> list[Line]:
    """What is overdue between the target and us, where they are spoken to: it is asked first."""
    spoken = {"call", "meeting"} & {*kind(text.kind).channels}
    if target is None or not spoken:
        return []
    wanted = CommitmentFilter(ActionFilter(target_id=target.id), OVERDUE)
    return first_lines(wanted, _OWED, on=today(), to=Viewer.of(current_user))


# What it is called


@blueprint.get("/<slug>/settings")
@requires(Can.WRITE_TEXTS)
def settings(slug: str) -> Any:
    """The form of what is not the words."""
    text = writable(slug)
    form = SettingsForm(
        data={
            "name": text.name,
            "chapter_id": text.chapter_id or "",
            "campaign_id": text.campaign_id or "",
        }
    )
    offer(form, text)
    return render_template("texts/settings.html", text=text, form=form, click=ApproveForm())


@blueprint.post("/<slug>/settings")
@requires(Can.WRITE_TEXTS)
def change_settings(slug: str) -> Any:
    """Change it."""
    text, form = writable(slug), SettingsForm()
    offer(form, text)
    done = form.carry(
        lambda: operations.edit_text(
            text,
            name=form.name.data,
            chapter_id=form.chapter_id.data,
            campaign_id=form.campaign_id.data,
            by=current_user,
        )
    )
    if not done:
        return render_template(
            "texts/settings.html", text=queries.text(slug), form=form, click=ApproveForm()
        ), form.status
    flash(_("Saved."), "success")
    return redirect(url_for(".page", slug=slug), 303)


@blueprint.post("/<slug>/retire")
@requires(Can.WRITE_TEXTS)
def retire(slug: str) -> Any:
    """Offer it no more, or again."""
    text, form = writable(slug), ApproveForm()
    back = text.retired_at is not None
    done = form.carry(
        lambda: (operations.bring_back if back else operations.retire)(text, by=current_user)
    )
    if not done:
        abort(409)
    flash(_("The text is offered again.") if back else _("The text is retired."), "success")
    return redirect(url_for(".page", slug=slug), 303)


def writable(slug: str) -> Text:
    """The text, for who may write it."""
    text = readable(slug)
    if not rights.may_write(text, current_user):
        abort(403)
    return text


def offer(form: SettingsForm | NewTextForm, text: Text | None = None) -> None:
    """Set the chapters and campaigns that can be chosen."""
    scope = access.scope(current_user, Can.WRITE_TEXTS)
    chapters = [(each.id, each.name) for each in chapters_in(scope, open_only=True)]
    if text is not None and text.chapter is not None:
        own = (text.chapter.id, text.chapter.name)
        chapters = chapters if own in chapters else [own, *chapters]
    form.offer(
        chapters=chapters,
        campaigns=[(number, name) for number, _slug, name in queries.campaigns_in_use()],
        everybody=scope.everywhere,
    )


def find(query: str, limit: int) -> list[shell.Hit]:
    """Texts for the search box."""
    drafts = access.scope(current_user, Can.WRITE_TEXTS)
    found = db.session.scalars(queries.texts(TextFilter(q=query), drafts=drafts).limit(limit))
    return [
        shell.Hit(
            label=text.name,
            detail=str(KINDS[text.kind].label),
            url=url_for("texts.page", slug=text.slug),
        )
        for text in found
    ]
