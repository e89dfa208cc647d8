"""How a target is addressed: on its page, and the page where that is changed."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.targets.models import Target
from crm.targets.queries import target as target_of
from crm.texts import address_forms, operations
from crm.texts.addressees import forms
from crm.texts.forms import AddressFormForm
from crm.texts.models import AddressForm
from crm.texts.views import blueprint


def of_target(target: Target) -> dict[str, Any] | None:
    """How the target is addressed in English, and in which languages something was set."""
    if target.merged_into_id is not None:
        return None
    found = forms([target.id], "en").get(target.id)
    if found is None:
        return None
    _usual, holds = found
    return {
        "target": target,
        "form": holds,
        "may_edit": access.may(current_user, Can.EDIT_TARGETS),
    }


@blueprint.get("/address/<int:target_id>")
@requires(Can.SEE)
def address(target_id: int) -> Any:
    """How a target is addressed in each language, with what was set for it."""
    target = target_of(target_id)
    language = request.args.get("language", "en")
    form = AddressFormForm(formdata=None)
    kept = _kept(target.id)
    mine = next((each for each in kept if each.language == language), None)
    form.process(
        data={
            "language": language,
            **(
                {name: getattr(mine, name) or "" for name in ("envelope", "salutation", "closing")}
                if mine is not None
                else {}
            ),
        }
    )
    return _show(target, form)


@blueprint.post("/address/<int:target_id>")
@requires(Can.EDIT_TARGETS)
def set_address(target_id: int) -> Any:
    """Say how it is addressed."""
    target, form = target_of(target_id), AddressFormForm()
    language = form.carry(
        lambda: operations.set_address_form(
            target,
            language=form.language.data,
            envelope=form.envelope.data,
            salutation=form.salutation.data,
            closing=form.closing.data,
            by=current_user,
        )
    )
    if language is None:
        return _show(target_of(target_id), form), form.status
    flash(_("Kept."), "success")
    return redirect(url_for(".address", target_id=target_id, language=language), 303)


def _show(target: Target, form: AddressFormForm) -> str:
    kept = {each.language: each for each in _kept(target.id)}
    languages = list(dict.fromkeys([*address_forms.LANGUAGES, *kept]))
    try:
        asked = operations.known_language(form.language.data or "en")
    except Refused:
        asked = "en"
    if asked not in languages:
        languages.append(asked)
    both = {each: forms([target.id], each)[target.id] for each in languages[:12]}
    return render_template(
        "texts/address.html",
        target=target,
        form=form,
        kept=kept,
        both=both,
        asked=asked,
        may_edit=access.may(current_user, Can.EDIT_TARGETS),
    )


def _kept(target_id: int) -> list[AddressForm]:
    return list(
        db.session.scalars(
            select(AddressForm)
            .where(AddressForm.target_id == target_id)
            .order_by(AddressForm.language)
        )
    )
