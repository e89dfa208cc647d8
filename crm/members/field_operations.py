"""What administrators define: fields of members, and the words members are tagged with."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, func, insert, select

from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.text import fold, slugify
from crm.members import fields, tags
from crm.members.models import CustomField, MemberTag, Tag
from crm.members.rules import clean_name

#: Characters of a label, of a choice and of a help; choices of a field; fields that are asked.
LABEL_MOST, CHOICE_MOST, HELP_MOST = 60, 80, 200
CHOICES_MOST, FIELDS_MOST = 100, 40


def define_field(
    *, label: str, kind: str, choices: Sequence[str] = (), help: str | None = None, by: Any
) -> CustomField:
    """A new field of members, asked from now on."""
    _must_define(by)
    if kind not in fields.KINDS:
        raise Refused(_("Choose one of the kinds."), "kind")
    known = fields.defined(retired=True)
    label = _label(label, known)
    if sum(each.retired_on is None for each in known) >= FIELDS_MOST:
        raise Refused(_("There are %(most)s fields already. Retire one first.", most=FIELDS_MOST))
    record = CustomField(
        key=_free_key(label, {each.key for each in known}),
        label=label,
        kind=kind,
        choices=_choices(choices) if kind == "choice" else [],
        help=_help(help),
        position=max((each.position for each in known), default=0) + 1,
    )
    db.session.add(record)
    db.session.flush()
    changes = {"label": label, "kind": kind, "choices": record.choices, "help": record.help}
    audit.record("define_field", "custom_field", record.id, by=by, changes=changes)
    return record


def edit_field(
    *, field_id: int, label: str, more_choices: Sequence[str] = (), help: str | None = None, by: Any
) -> CustomField:
    """Another label or help, and further choices. Kind and given choices stay: so do answers."""
    _must_define(by)
    record = _field(field_id)
    others = [each for each in fields.defined(retired=True) if each.id != field_id]
    values: dict[str, Any] = {"label": _label(label, others), "help": _help(help)}
    if record.kind == "choice":
        values["choices"] = _choices([*record.choices, *more_choices])
    changes = audit.difference(record, values)
    for name, value in values.items():
        setattr(record, name, value)
    audit.record("edit_field", "custom_field", field_id, by=by, changes=changes)
    return record


def move_field(*, field_id: int, up: bool, by: Any) -> None:
    """Let a field change places with the one before or after it."""
    _must_define(by)
    record = _field(field_id)
    asked = list(fields.defined())
    if record not in asked:
        raise Refused(_("This field is not asked any more. Bring it back first."))
    at = asked.index(record)
    to = at - 1 if up else at + 1
    if not 0 <= to < len(asked):
        raise Refused(_("It stands at the end already."))
    asked[at], asked[to] = asked[to], asked[at]
    for position, each in enumerate(asked, start=1):
        each.position = position
    changes = {"position": [at + 1, to + 1]}
    audit.record("move_field", "custom_field", field_id, by=by, changes=changes)


def retire_field(*, field_id: int, by: Any, today: date) -> None:
    """Ask it no more. What was answered is kept, and shown again once it is brought back."""
    _must_define(by)
    record = _field(field_id)
    if record.retired_on is not None:
        raise Refused(_("This field is not asked any more."))
    record.retired_on = today
    changes = {"retired_on": [None, today]}
    audit.record("retire_field", "custom_field", field_id, by=by, changes=changes)


def bring_back_field(*, field_id: int, by: Any) -> None:
    """Ask it again, after all others."""
    _must_define(by)
    record = _field(field_id)
    if record.retired_on is None:
        raise Refused(_("This field is asked already."))
    asked = fields.defined()
    if len(asked) >= FIELDS_MOST:
        raise Refused(_("There are %(most)s fields already. Retire one first.", most=FIELDS_MOST))
    changes = {"retired_on": [record.retired_on, None]}
    record.retired_on = None
    record.position = max((each.position for each in asked), default=0) + 1
    audit.record("bring_back_field", "custom_field", field_id, by=by, changes=changes)


def _field(field_id: int) -> CustomField:
    return db.session.scalars(select(CustomField).where(CustomField.id == field_id)).one()


def _free_key(label: str, taken: set[str]) -> str:
    stem = slugify(label).replace("-", "_")[:40]
    number, key = 1, stem
    while key in taken:
        number += 1
        key = f"{stem}_{number}"
    return key


def _label(typed: str, others: Sequence[CustomField]) -> str:
    label = clean_name(typed)
    if not fold(label):
        raise Refused(_("Write the name with at least one letter."), "label")
    if len(label) > LABEL_MOST:
        raise Refused(_("Use at most %(most)s characters.", most=LABEL_MOST), "label")
    for each in others:
        if fold(each.label) == fold(label):
            raise Refused(
                _("“%(label)s” is there already. If it was retired, bring it back.",
                  label=each.label),
                "label",
            )  # fmt: skip
    return label


def _help(typed: str | None) -> str | None:
    text = " ".join((typed or "").split())
    if len(text) > HELP_MOST:
        raise Refused(_("Use at most %(most)s characters.", most=HELP_MOST), "help")
    return text or None


def _choices(typed: Sequence[str]) -> list[str]:
    """Each once, in their order; two that differ by case or accents are one."""
    found: dict[str, str] = {}
    for each in typed:
        name = clean_name(each)
        if fold(name):
            found.setdefault(fold(name), name)
    if not found:
        raise Refused(_("Write at least one choice, each on a line of its own."), "choices")
    if len(found) > CHOICES_MOST or any(len(each) > CHOICE_MOST for each in found.values()):
        raise Refused(
            _("Use at most %(count)s, each of at most %(most)s characters.",
              count=CHOICES_MOST, most=CHOICE_MOST),
            "choices",
        )  # fmt: skip
    return list(found.values())


# Tags


def rename_tag(*, tag_id: int, name: str, by: Any) -> Tag:
    """Call a tag something else, for everybody who has it."""
    _must_define(by)
    record = _tag(tag_id)
    name = clean_name(name)
    if not fold(name):
        raise Refused(_("Write the name with at least one letter."), "name")
    if len(name) > tags.MOST:
        raise Refused(_("Use at most %(most)s characters.", most=tags.MOST), "name")
    same = select(Tag.id).where(
        Tag.kind == record.kind, Tag.search == fold(name), Tag.id != record.id
    )
    if db.session.scalar(same):
        raise Refused(_("There is a tag of this name. Merge the two instead."), "name")
    values = {"name": name, "search": fold(name)}
    changes = audit.difference(record, values)
    changes.pop("search", None)
    record.name, record.search = values["name"], values["search"]
    db.session.flush()
    audit.record("rename_tag", "tag", tag_id, by=by, changes=changes)
    return record


def merge_tags(*, tag_id: int, into_id: int, by: Any) -> Tag:
    """Give everybody who has a tag another of the same kind in its place."""
    _must_define(by)
    record, kept = _tag(tag_id), _tag(into_id)
    if record.id == kept.id or record.kind != kept.kind:
        raise Refused(_("Choose another tag of the same kind."), "into_id")
    have = select(MemberTag.member_id).where(MemberTag.tag_id == kept.id)
    new = list(
        db.session.scalars(
            select(MemberTag.member_id).where(
                MemberTag.tag_id == record.id, MemberTag.member_id.not_in(have)
            )
        )
    )
    if new:
        rows = [{"member_id": each, "tag_id": kept.id} for each in new]
        db.session.execute(insert(MemberTag), rows)
    db.session.execute(delete(MemberTag).where(MemberTag.tag_id == record.id))
    changes = {"merged": record.name, "into": kept.name, "kind": kept.kind, "members": len(new)}
    db.session.delete(record)
    db.session.flush()
    audit.record("merge_tags", "tag", kept.id, by=by, changes=changes)
    return kept


def delete_tag(*, tag_id: int, by: Any) -> None:
    """Take a tag nobody has away."""
    _must_define(by)
    record = _tag(tag_id)
    if db.session.scalar(select(MemberTag.member_id).where(MemberTag.tag_id == tag_id).limit(1)):
        raise Refused(_("Somebody has this tag. Merge it into another instead."))
    changes = {"kind": record.kind, "name": [record.name, None]}
    db.session.delete(record)
    db.session.flush()
    audit.record("delete_tag", "tag", tag_id, by=by, changes=changes)


def uses_of_tags() -> dict[int, int]:
    """Tag → how many have it; one nobody has is not in it."""
    return dict(
        db.session.execute(
            select(MemberTag.tag_id, func.count()).group_by(MemberTag.tag_id)
        ).all()
    )  # fmt: skip


def _tag(tag_id: int) -> Tag:
    return db.session.scalars(select(Tag).where(Tag.id == tag_id)).one()


def _must_define(by: Any) -> None:
    if by is not None and not access.may(by, Can.DEFINE_FIELDS):
        raise Refused(_("An administrator defines fields and tags."))
