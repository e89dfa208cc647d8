"""What is typed about members, chapters and roles."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange, Optional

from crm.core.access import Role
from crm.core.forms import Form, choice, day, long_text, text
from crm.members.models import Chapter
from crm.members.rules import NAME_MOST, YEARS, Kind, kind_name, role_name

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
    email = text(_l("E-mail"), most=254, description=_l("Siblings may share a parent's."))
    phone = text(_l("Phone"), most=40)
    note = long_text(_l("Note"), most=2000)


class NewMemberForm(_MemberFields):
    """A new member: a first name and a chapter are enough."""

    chapter_id = choice(_l("Chapter"), required=True)
    joined_on = day(_l("Joined on"), past=True)
    anyway = BooleanField(_l("Add anyway: this is somebody else"))

    def offer(self, chapters: list[tuple[str, str]]) -> None:
        """Fill the choices."""
        _offer(self.chapter_id, chapters)


class MemberForm(_MemberFields):
    """Changes of a member."""


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
