"""A new pack: the form, the allotment it would make, and making what was shown."""

from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.core.i18n import today
from crm.mailings.allotment import Way
from crm.mailings.forms import STEPS, PackForm
from crm.mailings.models import Mailing
from crm.mailings.operations import Changed, check_pack, make_pack
from crm.mailings.planning import Asked, Plan, plan, printed_kinds
from crm.mailings.preview import Preview, preview
from crm.mailings.queries import find_made
from crm.mailings.views import blueprint
from crm.members.disclosure import Viewer
from crm.members.models import Chapter
from crm.members.queries import chapters_in
from crm.outreach import batch
from crm.outreach.channels import channels
from crm.outreach.forms import options
from crm.outreach.setting import Setting
from crm.texts import own_fields
from crm.texts.kinds import KINDS
from crm.texts.models import Text, TextVersion
from crm.texts.queries import approved

#: What a text's own fields are asked before a pack is made of it; others are written by hand.
_BY_HAND = "hand"


@blueprint.route("/packs/new", methods=["GET", "POST"])
@requires(Can.MAKE_PACKS)
def new() -> Any:
    """The form; sent, the allotment it would make; sent again, the pack."""
    form = PackForm()
    if form.is_submitted():
        if form.has_key and (already := find_made(form.client_key.data)):
            return _made(already, again=True)
        form.keep_picture()
    setting = _setting(form)
    _put_on(form, setting)
    if not form.is_submitted():
        _begin(form, setting)
    _ask_own(form)
    if not form.is_submitted() or request.form.get("do") == "members":
        return _page(form, setting, None)
    if form.bad_picture is not None:
        form.validate()
        form.refuse(form.bad_picture)
        return _page(form, setting, None)
    if request.form.get("do") == "make":
        return _make(form, setting)
    found = form.carry(lambda: _shown(form, setting))
    return _page(form, setting, found)


def _make(form: PackForm, setting: Setting) -> Any:
    anew: list[Plan] = []

    def operation() -> Mailing:
        try:
            return make_pack(
                **_given(form, setting), shown=form.shown.data, by=current_user, today=today()
            )
        except Changed:
            db.rollback()
            anew.append(_shown(form, setting))
            raise

    made = form.carry(operation)
    if made is not None:
        return _made(made)
    return _page(form, setting, anew[0] if anew else None)


def _made(made: Mailing, *, again: bool = False) -> Any:
    if again:
        flash(_("This pack was made already; it is not made twice."), "warning")
    else:
        flash(_("The pack is made. Print it, or hand it out as tasks."), "success")
    return redirect(url_for(".page", code=made.code), 303)


def _shown(form: PackForm, setting: Setting) -> Plan:
    """The allotment, with all that making it would refuse refused now."""
    given = _given(form, setting)
    asked = given.pop("asked")
    given.pop("client_key")
    found = plan(asked, today=today())
    check_pack(asked=asked, version=found.version, by=current_user, today=today(), **given)
    return found


def _given(form: PackForm, setting: Setting) -> dict[str, Any]:
    """What the form says, as `make_pack` takes it."""
    campaign_id = setting.campaign_id(form.campaign.data)
    text_id, language = form.text_and_language
    aim, way = form.aim.data, Way(form.way.data)
    targets: frozenset[int] | None = None
    if aim == "own":
        way = Way.OWN
    else:
        reached = _reached(form, campaign_id)
        form.questions = list(reached.questions)
        if any(question.is_open for question in form.questions):
            raise Refused(_("Some names need a look: say below who is meant."))
        if any(number is not None for _target, number in reached.numbers):
            raise Refused(_("Give names alone here: the numbers are shared out."), "chosen")
        targets = frozenset(target for target, _number in reached.numbers)
    return {
        "asked": Asked(
            campaign_id=campaign_id,
            chapter_id=int(form.chapter.data),
            text_id=text_id,
            language=language,
            way=way,
            target_ids=targets,
            members=form.ticked(),
            total=form.total.data if way is Way.SPREAD else None,
            each=form.each.data,
            most=form.most.data,
        ),
        "client_key": form.client_key.data,
        "planned_on": form.planned_on.data,
        "name": form.name.data,
        "place": form.place.data,
        "values": form.values,
        "minutes_each": form.minutes.data,
        "postage_each": form.postage.data,
        "picture": form.kept,
        "picture_shows": form.picture_shows.data,
        "then": form.then,
    }


def _reached(form: PackForm, campaign_id: int) -> batch.Reached:
    if form.aim.data == "list":
        return batch.all_of_list(form.target_list.data)
    if form.aim.data == "chosen":
        return batch.chosen_targets(form.chosen.data or "", form.answers)
    if not campaign_id:
        raise Refused(_("This campaign does not exist."), "campaign")
    return batch.all_of_campaign(campaign_id)


# What the form offers


def _setting(form: PackForm) -> Setting:
    if form.is_submitted():
        chapter_id = parse_id(request.form.get("chapter"))
    else:
        slug = request.args.get("chapter", "").replace("\x00", "")
        chapter_id = db.session.scalar(select(Chapter.id).where(Chapter.slug == slug))
    return Setting(
        current_user, today=today(), of_chapters=[chapter_id] if chapter_id is not None else []
    )


def _put_on(form: PackForm, setting: Setting) -> None:
    choose = ("", _("Choose"))
    form.campaign.choices = options(
        [choose, *((each.slug, each.name) for each in setting.campaigns if not each.has_ended)]
    )
    makes = chapters_in(access.scope(current_user, Can.MAKE_PACKS), open_only=True)
    form.chapter.choices = options([choose, *((str(each.id), each.name) for each in makes)])
    form.text.choices = options([choose, *_texts()])
    lists = (
        (slug, f"{name} ({_('by rule') if number is None else number})")
        for slug, name, number in setting.lists
    )
    form.target_list.choices = options([choose, *lists])


def _texts() -> list[tuple[str, str]]:
    """Texts that print and have approved words, each in each language. One statement."""
    rows = db.session.execute(
        select(Text.id, Text.name, Text.kind, TextVersion.language)
        .join(TextVersion, TextVersion.text_id == Text.id)
        .where(
            Text.kind.in_(printed_kinds()),
            Text.retired_at.is_(None),
            TextVersion.approved_at.is_not(None),
        )
        .distinct()
        .order_by(Text.name, Text.id, TextVersion.language)
    )
    return [
        (f"{text_id}:{language}", f"{name} ({KINDS[kind].label}, {language})")
        for text_id, name, kind, language in rows
    ]


def _begin(form: PackForm, setting: Setting) -> None:
    """Set what the address names, and what is likely."""
    form.planned_on.data = today() + timedelta(days=7)
    slugs = [value for value, _label in _pairs(form.campaign) if value]
    wanted = request.args.get("campaign")
    form.campaign.data = wanted if wanted in slugs else (slugs[0] if len(slugs) == 1 else None)
    chapters = [value for value, _label in _pairs(form.chapter) if value]
    slug = request.args.get("chapter")
    of_address = [str(each.id) for each in setting.chapters if each.slug == slug]
    form.chapter.data = next(iter(of_address or (chapters if len(chapters) == 1 else [])), None)
    texts = [value for value, _label in _pairs(form.text) if value]
    if slug := request.args.get("text"):
        plain = slug.replace("\x00", "")
        number = db.session.scalar(select(Text.id).where(Text.slug == plain))
        texts = [value for value in texts if value.startswith(f"{number}:")]
    form.text.data = texts[0] if texts and (slug or len(texts) == 1) else None
    if slug := request.args.get("list"):
        form.aim.data, form.target_list.data = "list", slug


def _pairs(field: Any) -> list[tuple[str, str]]:
    return [(each.value, each.label) for each in field.choices]


def _ask_own(form: PackForm) -> None:
    """The chosen text's own fields, those written by hand left out."""
    text_id, language = form.text_and_language
    if not text_id or not form.text.data:
        return
    version = approved(text_id, language)
    if version is not None:
        form.own_fields = [
            each for each in own_fields.read(version.fields) if each.kind != _BY_HAND
        ]


def _preview(form: PackForm, found: Plan) -> Preview:
    return preview(found, values=form.values, on=form.planned_on.data, to=Viewer.of(current_user))


def _page(form: PackForm, setting: Setting, found: Plan | None) -> Any:
    shown = _preview(form, found) if found is not None else None
    if found is not None:
        form.shown.data = found.digest
    channel = channels()[found.channel] if found else None
    # A plan that is shown is an answer, not a form that came back.
    has_errors = bool(form.errors or form.form_errors)
    status = 422 if form.is_submitted() and has_errors else 200
    return (
        render_template(
            "mailings/new.html",
            form=form,
            setting=setting,
            shown=shown,
            channel=channel,
            steps=range(STEPS),
            has_pictures=any("postcard" in str(label) for _v, label in _pairs(form.text)),
        ),
        status,
    )
