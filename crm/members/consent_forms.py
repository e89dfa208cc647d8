"""What is typed about guardians and consents."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import HiddenField, RadioField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from crm.core import i18n
from crm.core.forms import Form, choice, day, parse_id, text
from crm.members.consent_rules import LABELS, MEANINGS, Answer, How, Purpose
from crm.members.guardians import Known
from crm.members.models import Guardian
from crm.members.rules import NAME_MOST

#: In a choice of who speaks: the member, beside the guardians' ids.
SELF = "self"
#: In the question whether two guardians are one: somebody else.
SOMEBODY_ELSE = "new"

_ANSWERS = [
    SelectChoice(Answer.GIVEN.value, _l("Yes")),
    SelectChoice(Answer.REFUSED.value, _l("No")),
]
_HOW = [
    SelectChoice(How.PAPER.value, _l("On signed paper")),
    SelectChoice(How.IN_PERSON.value, _l("In person")),
]


class Ticks(SelectMultipleField):
    """Several of a list, each with a box."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class _GuardianFields(Form):
    name = text(_l("Name"), most=NAME_MOST, required=True)
    relation = text(_l("Relation"), most=60, description=_l("Mother, father, aunt, carer …"))
    phone = text(_l("Phone"), most=40, description=_l("A phone number or an e-mail is needed."))
    email = text(_l("E-mail"), most=254, description=_l("A link to answer by is sent there."))
    language = choice(
        _l("Language"), choices=[], description=_l("The language they are written to in.")
    )

    def __init__(self, **values: Any):
        super().__init__(**values)
        self.language.choices = [("", _("As everybody here")), *i18n.LANGUAGES.items()]


class NewGuardianForm(_GuardianFields):
    """A guardian of a member; `same` is asked where somebody like that is here already."""

    same = RadioField(_l("Is it the same person?"), choices=[], validators=[Optional()])

    def propose(self, found: Sequence[tuple[Guardian, str]]) -> None:
        """Ask about these, each with the children the reader keeps; without any, do not ask."""
        if not found:
            del self.same
            return
        self.same.choices = [
            *(
                (
                    str(guardian.id),
                    _("Yes: %(name)s, guardian of %(children)s", name=guardian.name, children=of),
                )
                for guardian, of in found
            ),
            (SOMEBODY_ELSE, _("No, this is somebody else")),
        ]


class GuardianForm(_GuardianFields):
    """Changes of a guardian."""


class UnlinkForm(Form):
    """Why somebody is no longer a guardian."""

    reason = text(
        _l("Why"), most=300, required=True, description=_l("Kept in the record of changes.")
    )


def speakers(known: Iterable[Known], member: str, *, is_minor: bool) -> list[tuple[str, str]]:
    """Who may have said something: the guardians of a minor, and the member."""
    own = (SELF, _("%(name)s (of a minor only a no counts)", name=member) if is_minor else member)
    return [*((str(each.guardian.id), each.called) for each in known if is_minor), own]


class _SaidFields(Form):
    who = choice(_l("Who said so"), required=True, choices=[])
    how = choice(_l("How"), required=True, choices=_HOW)

    @property
    def speaker(self) -> int | None:
        """The guardian's id; None for the member."""
        return None if self.who.data == SELF else parse_id(self.who.data)


class RecordForm(_SaidFields):
    """Answers from one paper, or said in person; a field `answer_…` for each purpose."""

    starts_on = day(_l("Signed on"), required=True)
    ends_on = day(
        _l("Until"), description=_l("Empty: until it is withdrawn. A no has no last day.")
    )
    scan = FileField(
        _l("Scan of the paper"),
        description=_l("PDF, JPEG, PNG or WebP, at most 10 MB. Only who keeps consents sees it."),
    )
    kept_scan = HiddenField(validators=[Optional()])

    def answers(self) -> dict[Purpose, Answer]:
        """What was ticked; purposes nothing was said to are left out."""
        return _answers_of(self)


class WithdrawForm(_SaidFields):
    """What is taken back."""

    purposes = Ticks(_l("What is withdrawn"), choices=[], validators=[Optional()])
    withdrawn_on = day(_l("From"), required=True)
    reason = text(_l("Reason"), most=300, description=_l("If one was given; none is needed."))

    def __init__(self, **values: Any):
        super().__init__(**values)
        self.purposes.choices = [(each.value, LABELS[each]) for each in Purpose]

    def chosen(self) -> list[Purpose]:
        """The purposes that were ticked."""
        return [Purpose(each) for each in self.purposes.data or ()]


class AnswerForm(Form):
    """What the holder of a link answers; a field `answer_…` for each purpose asked about."""

    signed_as = text(
        _l("Your name"), most=NAME_MOST, required=True, description=_l("It stands as a signature.")
    )

    def ask(self, purposes: Iterable[Purpose]) -> None:
        """Ask about these and nothing else."""
        asked = set(purposes)
        for each in Purpose:
            if each not in asked:
                del self[field_of(each)]

    def answers(self) -> dict[Purpose, Answer]:
        """What was chosen."""
        return _answers_of(self)


class AskForm(Form):
    """About what guardians are asked by link; whom, the page ticks by itself."""

    purposes = Ticks(_l("Ask about"), choices=[], validators=[Optional()])

    def __init__(self, **values: Any):
        super().__init__(**values)
        self.purposes.choices = [(each.value, LABELS[each]) for each in Purpose]

    def chosen(self) -> list[Purpose]:
        """The purposes that were ticked."""
        return [Purpose(each) for each in self.purposes.data or ()]


def field_of(purpose: Purpose) -> str:
    """The name of a purpose's field."""
    return f"answer_{purpose.value}"


def _answers_of(form: Form) -> dict[Purpose, Answer]:
    return {
        each: Answer(form[field_of(each)].data)
        for each in Purpose
        if field_of(each) in form and form[field_of(each)].data
    }


for _purpose in Purpose:
    setattr(
        RecordForm,
        field_of(_purpose),
        RadioField(
            LABELS[_purpose],
            choices=[*_ANSWERS, SelectChoice("", _l("Not said"))],
            default="",
            validators=[Optional()],
            description=MEANINGS[_purpose],
        ),
    )
    setattr(
        AnswerForm,
        field_of(_purpose),
        RadioField(
            LABELS[_purpose],
            choices=_ANSWERS,
            validators=[InputRequired(_l("Choose yes or no."))],
            description=MEANINGS[_purpose],
        ),
    )
