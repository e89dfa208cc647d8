"""What is typed about members, chapters and roles."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import InputRequired, NumberRange, Optional

from crm.core.access import Role
from crm.core.forms import Form, an_id, choice, day, long_text, text
from crm.core.settings import in_force
from crm.members import fields, tags, teams
from crm.members.disclosure import Shown
from crm.members.field_operations import HELP_MOST, LABEL_MOST
from crm.members.models import Chapter, CustomField, Member
from crm.members.operations import UNCHANGED
from crm.members.rules import NAME_MOST, YEARS, AgeBand, Kind, band_name, kind_name, role_name

_EVERYWHERE = "everywhere"


class YearField(IntegerField):
    """A year; what is none is told so and kept as typed."""

    def process_formdata(self, valuelist: Any) -> None:
        """Read the number, or say what is wanted."""
        typed = valuelist[0].strip() if valuelist else ""
        if not typed:
            self.data = None
        elif typed.isascii() and typed.isdigit() and len(typed) == 4:
            self.data = int(typed)
        else:
            self.data = None
            raise ValueError(_("Give a year such as 2027."))


def chapter_choices(chapters: Iterable[Chapter], nothing: Any = None) -> list[tuple[str, str]]:
    """Choices of a select: the tree's order, those below set in. `nothing` labels the empty one."""
    found = list(chapters)
    least = min((each.depth for each in found), default=0)
    first = [] if nothing is None else [("", str(nothing))]
    return first + [(str(each.id), "\u2003" * (each.depth - least) + each.name) for each in found]


def _offer(select: SelectField, choices: list[tuple[str, str]]) -> None:
    """Give a select its choices; without an empty one among them, one must be chosen."""
    is_required = not choices or choices[0][0] != ""
    select.choices = [("", _("Choose …")), *choices] if is_required else choices
    if is_required:
        select.validators = [InputRequired(_("Choose one."))]
        select.flags.required = True


class _MemberFields(Form):
    #: The fields of `fields` the form asks, set by `asking`.
    defined: Sequence[CustomField] = ()

    given_name = text(_l("First name"), most=NAME_MOST, required=True)
    family_name = text(_l("Family name"), most=NAME_MOST)
    graduation_year = YearField(
        _l("Year of graduation"),
        validators=[
            Optional(),
            NumberRange(YEARS[0], YEARS[-1], message=_l("Give a year such as 2027.")),
        ],
        description=_l("The year in which their last school year ends."),
    )
    age_band = SelectField(
        _l("Age"),
        default=AgeBand.UNKNOWN.value,
        description=_l("Nobody's birthday is kept. Who is “unknown” counts as a minor."),
    )
    email = text(_l("E-mail"), most=254, description=_l("Siblings may share a parent's."))
    phone = text(_l("Phone"), most=40)
    address = long_text(
        _l("Home address"), most=400, description=_l("A minor's is never printed on anything.")
    )
    postal_code = text(_l("Postal code"), most=12, description=_l("To find who represents them."))
    skill = text(_l("Skills"), most=1000, description=_l("Parted by commas: poster art, driving."))
    interest = text(_l("Interests"), most=1000, description=_l("Parted by commas."))
    language = text(_l("Languages"), most=1000, description=_l("Parted by commas."))
    note = long_text(_l("Note"), most=2000)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        limits = in_force().age_limits
        self.age_band.choices = [
            (band.value, band_name(band, limits))
            for band in (AgeBand.UNKNOWN, *(each for each in AgeBand if each != AgeBand.UNKNOWN))
        ]

    @property
    def tags_by_kind(self) -> dict[str, list[str]]:
        """The tags that were typed, by kind."""
        return {kind: tags.parted(self[kind].data) for kind in tags.KINDS}

    @property
    def custom(self) -> dict[str, Any]:
        """The answers to the defined fields, by key."""
        return {each.key: self[f"custom_{each.key}"].data for each in self.defined}

    @property
    def custom_fields(self) -> list[Any]:
        """The defined fields, to be drawn."""
        return [self[f"custom_{each.key}"] for each in self.defined]


MemberFields = TypeVar("MemberFields", bound=_MemberFields)


def asking(
    base: type[MemberFields], answers: Mapping[str, Any] | None = None
) -> type[MemberFields]:
    """The form with the fields that are defined now; `answers` are those that were given."""
    defined = fields.defined()
    more = {f"custom_{each.key}": _custom(each, (answers or {}).get(each.key)) for each in defined}
    return type(base.__name__, (base,), {**more, "defined": defined})


def _custom(each: CustomField, answer: str | None) -> Any:
    if each.kind == "date":
        return day(each.label, description=each.help or "")
    if each.kind == "choice":
        # An answer that is none of the choices (any more) stays until somebody chooses another.
        kept = [answer] if answer and answer not in each.choices else []
        choices = {"": _("Choose …")} | {name: name for name in [*each.choices, *kept]}
        return choice(each.label, choices=choices, description=each.help or "")
    return text(each.label, most=fields.TEXT_MOST, description=each.help or "")


class NewMemberForm(_MemberFields):
    """A new member: a first name and a chapter are enough."""

    chapter_id = choice(_l("Chapter"), required=True)
    joined_on = day(_l("Joined on"), past=True)
    anyway = BooleanField(_l("Add anyway: this is somebody else"))

    def offer(self, chapters: list[tuple[str, str]]) -> None:
        """Fill the choices."""
        _offer(self.chapter_id, chapters)


#: Ways to reach a member, which may be kept and not shown.
REACH = ("email", "phone", "address", "postal_code")
_WITHHELD = {
    "family_name": _l("Not shown: somebody said no to their being a member. "
                      "Leave it empty to keep what is there."),
    "email": _l("An e-mail is kept and not shown: nobody said yes to direct contact. "
                "Leave it empty to keep it."),
    "phone": _l("A phone number is kept and not shown: nobody said yes to direct contact. "
                "Leave it empty to keep it."),
    "address": _l("An address is kept and not shown: nobody said yes to direct contact. "
                  "Leave it empty to keep it."),
    "postal_code": _l("A postal code is kept and not shown: nobody said yes to direct contact. "
                      "Leave it empty to keep it."),
}  # fmt: skip


class MemberForm(_MemberFields):
    """Changes of a member.

    What is kept and may not be shown comes as an empty field that is kept while it is empty. The
    form remembers which those were: consent may change while somebody types.
    """

    withheld = HiddenField()
    remove_email = BooleanField(_l("Remove the e-mail that is kept"))
    remove_phone = BooleanField(_l("Remove the phone number that is kept"))
    remove_address = BooleanField(_l("Remove the address that is kept"))
    remove_postal_code = BooleanField(_l("Remove the postal code that is kept"))
    reason = text(
        _l("Why"), most=300, description=_l("Kept with the change, for whoever looks at it later.")
    )

    def fill(self, member: Member, shown: Shown, theirs: Mapping[str, Sequence[str]]) -> None:
        """Show what is known, as far as `shown` tells it."""
        self.given_name.data = member.given_name
        self.family_name.data = member.family_name if shown.is_named else None
        self.graduation_year.data = member.graduation_year
        self.age_band.data = shown.age_band
        self.note.data = shown.note
        for name in REACH:
            self[name].data = getattr(shown, name)
        for kind in tags.KINDS:
            self[kind].data = ", ".join(theirs.get(kind, ()))
        for each in self.defined:
            value = member.custom.get(each.key)
            field = self[f"custom_{each.key}"]
            field.data = date.fromisoformat(value) if value and each.kind == "date" else value
        withheld = {*shown.withheld} | ({"family_name"} if not shown.is_named else set())
        self.withheld.data = ",".join(name for name in _WITHHELD if name in withheld)

    @property
    def kept_back(self) -> Collection[str]:
        """The fields whose value is kept and not shown."""
        given = (self.withheld.data or "").split(",")
        return [name for name in _WITHHELD if name in given]

    def family_name_of(self, member: Member) -> str | None:
        """The family name that was typed; the kept one where it is not shown."""
        typed: str | None = self.family_name.data or None
        return member.family_name if not typed and "family_name" in self.kept_back else typed

    def withheld_help(self, name: str) -> Any:
        """What is said below a field whose value is kept back; None for another."""
        return _WITHHELD[name] if name in self.kept_back else None

    def reach(self) -> dict[str, Any]:
        """The ways to reach the member, as the operation takes them."""
        return {name: self._reach(name) for name in REACH}

    def _reach(self, name: str) -> Any:
        typed = self[name].data or None
        if typed is None and name in self.kept_back and not self[f"remove_{name}"].data:
            return UNCHANGED
        return typed


class JoinForm(Form):
    """One more chapter."""

    chapter_id = choice(_l("Chapter"), required=True)
    joined_on = day(_l("Joined on"), past=True)

    def offer(self, chapters: list[tuple[str, str]]) -> None:
        """Fill the choices."""
        _offer(self.chapter_id, chapters)


class LeaveForm(Form):
    """The last day in a chapter; it may lie ahead."""

    left_on = day(_l("Last day"), required=True)


class MembershipForm(Form):
    """The days of a membership, put right."""

    joined_on = day(_l("Joined on"), past=True)
    left_on = day(_l("Last day"), description=_l("Empty while they are in the chapter."))


class ChapterForm(Form):
    """A chapter and where it hangs."""

    name = text(_l("Name"), most=NAME_MOST, required=True)
    kind = choice(_l("Kind"), required=True)
    parent_id = choice(_l("Under"))
    place = text(_l("Place"), most=120, description=_l("Town and state, as it is known."))
    address = long_text(
        _l("Return address"),
        most=400,
        description=_l("Where letters of its members are answered to: the school's, never a home."),
    )
    founded_on = day(_l("Founded on"), past=True)

    def offer(self, parents: list[tuple[str, str]]) -> None:
        """Fill the choices; `parents` may begin with an empty one, for the top of the tree."""
        self.kind.choices = [("", _("Choose …")), *((kind, kind_name(kind)) for kind in Kind)]
        _offer(self.parent_id, parents)


class EditChapterForm(ChapterForm):
    """The same, and when it closed."""

    closed_on = day(
        _l("Closed on"),
        past=True,
        description=_l("Closing ends the memberships that are open, on that day."),
    )


class RoleForm(Form):
    """A role somewhere."""

    role = choice(_l("Role"), required=True)
    chapter_id = choice(_l("Where"), required=True)

    def offer(self, chapters: Iterable[Chapter], *, everywhere: bool) -> None:
        """Fill the choices. Everywhere is chosen, never left: it is the widest of all."""
        self.role.choices = [("", _("Choose …")), *((role, role_name(role)) for role in Role)]
        wide = [(_EVERYWHERE, _("Everywhere"))] if everywhere else []
        _offer(self.chapter_id, [*wide, *chapter_choices(chapters)])

    @property
    def where(self) -> int | None:
        """The chosen chapter's id; None for everywhere."""
        chosen = self.chapter_id.data
        return None if chosen == _EVERYWHERE else int(chosen)


class InviteForm(RoleForm):
    """Somebody new who will sign in."""

    email = text(_l("E-mail"), most=254, required=True)
    name = text(_l("Name"), most=NAME_MOST, required=True)


class FieldForm(Form):
    """A field of members: what it is called, and what is answered."""

    label = text(_l("What it asks"), most=LABEL_MOST, required=True)
    kind = choice(_l("Kind of answer"), required=True)
    choices = long_text(
        _l("Choices"), most=5000, description=_l("One a line. Only for the kind “Choice”.")
    )
    help = text(
        _l("Help"),
        most=HELP_MOST,
        description=_l("A sentence below the field. Do not ask for a day of birth: the age "
                       "says what is needed."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.kind.choices = [("", _("Choose …")), *fields.KINDS.items()]

    @property
    def lines(self) -> list[str]:
        """The choices that were typed."""
        return (self.choices.data or "").splitlines()


class EditFieldForm(Form):
    """The same once it is asked: the kind stays, and choices are only added."""

    label = text(_l("What it asks"), most=LABEL_MOST, required=True)
    choices = long_text(_l("Further choices"), most=5000, description=_l("One a line."))
    help = text(_l("Help"), most=HELP_MOST, description=_l("A sentence below the field."))

    @property
    def lines(self) -> list[str]:
        """The choices that were typed."""
        return (self.choices.data or "").splitlines()


class TagForm(Form):
    """Another name of a tag."""

    name = text(_l("Name"), most=tags.MOST, required=True)


class MergeTagForm(Form):
    """The tag that takes the place of another."""

    into_id = choice(_l("Merge into"), required=True)

    def offer(self, others: Iterable[tuple[int, str]]) -> None:
        """Fill the choices."""
        _offer(self.into_id, [(str(number), name) for number, name in others])


class TeamForm(Form):
    """A team."""

    name = text(_l("Name"), most=NAME_MOST, required=True)
    about = text(_l("What it does"), most=teams.ABOUT_MOST)


class TeamMembersForm(Form):
    """Whom to put on a team, and what they do there."""

    member_ids = SelectMultipleField(_l("Members"), coerce=an_id, validate_choice=False)
    part = text(
        _l("Their part"), most=teams.PART_MOST, description=_l("Such as “keeps the camera”.")
    )


class PartForm(Form):
    """What a member does on a team."""

    part: StringField = text(_l("Part"), most=teams.PART_MOST)
