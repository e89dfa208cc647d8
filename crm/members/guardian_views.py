"""Pages about guardians. Reading how to reach one is recorded as a read of the child's contact."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import access, db, i18n, reads
from crm.core.access import Can, Scope, requires
from crm.members import consents, guardians, queries
from crm.members.consent_forms import SOMEBODY_ELSE, GuardianForm, NewGuardianForm, UnlinkForm
from crm.members.consents import Stand
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Guardian, Member
from crm.members.rules import is_minor
from crm.members.views import blueprint


def kept() -> Scope:
    """Where the reader keeps guardians and consents."""
    return access.scope(current_user, Can.KEEP_CONSENTS)


def name_of(member_id: int) -> str:
    """What the reader may call the member."""
    return disclose([member_id], to=Viewer.of(current_user), exit=Exit.PAGE)[member_id].name


def to_reach(member: Member) -> dict[str, Any] | None:
    """The panel of how to reach a minor's guardians, for who keeps consents there; it is read."""
    if not is_minor(member.age_band):
        return None
    if not db.session.scalar(
        queries.visible_members(kept()).where(Member.id == member.id).with_only_columns(Member.id)
    ):
        return None
    of = guardians.guardians_of([member.id]).get(member.id, [])
    if of:
        reads.note("member", [member.id], "contact")
    return {"id": member.id, "of": of}


@blueprint.route("/members/<int:member_id>/guardians/new", methods=["GET", "POST"])
@requires(Can.KEEP_CONSENTS)
def new_guardian(member_id: int) -> Any:
    """Add a guardian; one who seems to be here already is proposed."""
    member = queries.member(member_id, kept())
    form = NewGuardianForm()
    found = guardians.perhaps_the_same(
        form.email.data, form.phone.data, kept(), but_of=member_id
    )  # fmt: skip
    form.propose(_with_children(found))
    same = form.same.data if form.same is not None else None
    added = form.carry(lambda: _add(member, form, same))
    if added is not None:
        flash(_("%(name)s is a guardian now.", name=added.name), "success")
        return redirect(url_for("members.consents", member_id=member_id), 303)
    page = render_template(
        "members/guardian.html",
        form=form,
        id=member_id,
        name=name_of(member_id),
        guardian=None,
        asks_same=bool(found) and form.is_submitted(),
    )
    return page, form.status


def _add(member: Member, form: NewGuardianForm, same: str | None) -> Guardian:
    if same and same != SOMEBODY_ELSE:
        return guardians.link_guardian(
            member_id=member.id,
            guardian_id=int(same),
            relation=form.relation.data,
            by=current_user,
        )
    return guardians.add_guardian(
        member_id=member.id,
        name=form.name.data,
        relation=form.relation.data,
        email=form.email.data,
        phone=form.phone.data,
        language=form.language.data,
        anyway=same == SOMEBODY_ELSE,
        by=current_user,
    )


def _with_children(found: list[Guardian]) -> list[tuple[Guardian, str]]:
    children = guardians.children_of([each.id for each in found], kept())
    ids = {child for theirs in children.values() for child in theirs}
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    if ids:
        reads.note("member", ids, "contact")
    return [
        (each, ", ".join(shown[child].name for child in children.get(each.id, ())))
        for each in found
    ]


@blueprint.route("/members/<int:member_id>/guardians/<int:guardian_id>", methods=["GET", "POST"])
@requires(Can.KEEP_CONSENTS)
def guardian(member_id: int, guardian_id: int) -> Any:
    """Put right who a guardian is and how to reach them."""
    member = queries.member(member_id, kept())
    tie = guardians.guardianship(member_id, guardian_id)
    record = tie.guardian
    form = GuardianForm(
        data={
            "name": record.name,
            "relation": tie.relation,
            "email": record.email,
            "phone": record.phone,
            "language": record.language,
        }
    )
    if is_minor(member.age_band):
        reads.note("member", [member_id], "contact")
    others = [
        each
        for each in guardians.children_of([guardian_id], kept()).get(guardian_id, [])
        if each != member_id
    ]
    changed = form.carry(
        lambda: guardians.change_guardian(
            member_id=member_id,
            guardian_id=guardian_id,
            name=form.name.data,
            relation=form.relation.data,
            email=form.email.data,
            phone=form.phone.data,
            language=form.language.data,
            by=current_user,
        )
    )
    if changed is not None:
        flash(_("The changes are kept."), "success")
        return redirect(url_for("members.consents", member_id=member_id), 303)
    page = render_template(
        "members/guardian.html",
        form=form,
        id=member_id,
        name=name_of(member_id),
        guardian=guardian_id,
        others=[
            (each, shown.name)
            for each, shown in disclose(others, to=Viewer.of(current_user), exit=Exit.PAGE).items()
        ],
        asks_same=False,
    )
    return page, form.status


@blueprint.route(
    "/members/<int:member_id>/guardians/<int:guardian_id>/unlink", methods=["GET", "POST"]
)
@requires(Can.KEEP_CONSENTS)
def unlink_guardian(member_id: int, guardian_id: int) -> Any:
    """Somebody is no longer a guardian: which consents lapse with it, and why."""
    member = queries.member(member_id, kept())
    tie = guardians.guardianship(member_id, guardian_id)
    called = guardians.Known(tie.guardian, tie.relation).called
    form = UnlinkForm()

    def unlink() -> bool:
        guardians.unlink_guardian(
            member_id=member_id,
            guardian_id=guardian_id,
            reason=form.reason.data,
            by=current_user,
        )
        return True

    changes = _what_follows(member, guardian_id)
    if form.carry(unlink):
        flash(_("%(name)s is no longer a guardian here.", name=called), "success")
        return redirect(url_for("members.consents", member_id=member_id), 303)
    if is_minor(member.age_band):
        reads.note("member", [member_id], "consent")
    page = render_template(
        "members/unlink.html",
        form=form,
        id=member_id,
        name=name_of(member_id),
        called=called,
        lapsing=[now for now, then in changes if now.is_allowed and not then.is_allowed],
        opening=[then for now, then in changes if then.is_allowed and not now.is_allowed],
    )
    return page, form.status


def _what_follows(member: Member, guardian_id: int) -> list[tuple[Stand, Stand]]:
    """Where the member stands to each purpose with the guardian, and without."""
    of = guardians.guardians_of([member.id]).get(member.id, [])
    said = [consent for consent, _by in consents.history(member.id)]
    today = i18n.today()
    now = consents.stands(member, of, said, today=today)
    then = consents.stands(member, of, said, today=today, but=guardian_id)
    return list(zip(now, then, strict=True))
