"""The shape of what is typed about packs: a new one, a posting, what comes back."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FileField, HiddenField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional, Regexp

from crm.core.errors import Refused
from crm.core.files import keep_picture, still_kept
from crm.core.forms import Form, WholeNumber, choice, cleaned, day, form_key, long_text, parse_id
from crm.core.forms import text as a_line
from crm.mailings.allotment import Way
from crm.mailings.own_fields import WithOwnFields
from crm.mailings.rules import money, read_money
from crm.outreach.batch import Question
from crm.outreach.forms import WithMembers, sealed, unsealed, whole_number

#: Rows of steps that can follow.
STEPS = 3


def _a_number(label: Any, **more: Any) -> WholeNumber:
    return WholeNumber(label, read=whole_number, validators=[Optional()], **more)


class Amount(StringField):
    """Money: hundredths of what was typed; what is none comes back as it was typed."""

    def process_formdata(self, valuelist: Any) -> None:
        """Read it. Raises ValueError with a sentence."""
        typed = valuelist[0].strip() if valuelist else ""
        self.data = None
        if typed:
            self.data = read_money(typed)  # type: ignore[assignment]

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return money(self.data) if isinstance(self.data, int) else ""


class PackForm(WithOwnFields, WithMembers):
    """A new pack: who writes what to whom, until when."""

    #: The digest of the allotment that stands on the page.
    shown = HiddenField()
    campaign = choice(_l("Campaign"), required=True, choices=[])
    chapter = choice(_l("Chapter that writes"), required=True, choices=[])
    text = choice(
        _l("Text"),
        required=True,
        choices=[],
        description=_l("Letters and postcards with an approved version. What is approved prints."),
    )
    aim = RadioField(
        _l("Targets"),
        choices=[
            SelectChoice("campaign", _l("All of the campaign")),
            SelectChoice("list", _l("A list")),
            SelectChoice("chosen", _l("By name")),
            SelectChoice("own", _l("Each member's own legislators")),
        ],
        default="campaign",
    )
    target_list = choice(_l("List"), choices=[], validate_choice=False)
    chosen = long_text(_l("Targets, one a line"), most=60_000)
    way = RadioField(
        _l("How they are shared out"),
        choices=[
            SelectChoice(Way.SPREAD.value, _l("Spread evenly")),
            SelectChoice(Way.ALL.value, _l("Each member to each target")),
        ],
        default=Way.SPREAD.value,
    )
    each = _a_number(_l("Pieces by each"))
    total = _a_number(_l("Pieces in all"))
    most = _a_number(_l("At most by each"))
    planned_on = day(_l("Date"), required=True, description=_l("To be posted by."))
    name = a_line(_l("Name of the pack"), most=120, description=_l("Else that of the campaign."))
    place = a_line(_l("Place"))
    minutes = _a_number(_l("Minutes a piece takes"), description=_l("Counts as service hours."))
    postage = Amount(_l("Postage of one piece"), filters=[cleaned], validators=[Optional()])
    picture = FileField(_l("Picture side"))
    picture_shows = a_line(_l("What the picture shows"), most=300)

    def __init__(self, **values: Any):
        super().__init__(**values)
        self.questions: Sequence[Question] = ()
        #: File name of a picture kept, now or with an earlier try.
        self.kept: str | None = None
        self.bad_picture: Refused | None = None

    @property
    def answers(self) -> Mapping[str, str]:
        """Answers to questions about names."""
        return request.form

    def carried_answers(self) -> dict[str, str]:
        """Answers that no question on the page holds now."""
        shown = {question.field for question in self.questions}
        return {
            name: value
            for name, value in request.form.items()
            if name.startswith("target:") and name not in shown
        }

    def keep_picture(self) -> None:
        """Keep the picture sent, or the one of an earlier try; `bad_picture`: it was none."""
        token = request.form.get("kept_picture")
        try:
            if token and (name := unsealed(token)):
                self.kept = still_kept(name, field="picture")
            if getattr(self.picture.data, "filename", None):
                self.kept = keep_picture(self.picture.data, field="picture")
        except Refused as refusal:
            self.bad_picture = refusal

    @property
    def kept_token(self) -> str:
        """The kept picture, sealed, for the form's next try."""
        return sealed(self.kept) if self.kept else ""

    @property
    def text_and_language(self) -> tuple[int, str]:
        """Of what was chosen: the text's number, and the language."""
        number, _colon, language = (self.text.data or "").partition(":")
        return parse_id(number) or 0, language

    def step(self, place: int) -> tuple[str, str]:
        """What was typed of a step: words and days."""
        return (
            request.form.get(f"then-{place}", "")[:200],
            request.form.get(f"days-{place}", "")[:6],
        )

    @property
    def then(self) -> list[dict[str, Any]]:
        """The steps that follow. Raises `Refused`."""
        found = []
        for place in range(STEPS):
            words, days = (each.strip() for each in self.step(place))
            if not words and not days:
                continue
            if not (days.isascii() and days.isdigit()):
                raise Refused(_("Give the days as a whole number."), "then")
            if not words:
                raise Refused(_("Say what follows after %(days)s days.", days=days), "then")
            found.append({"title": words, "days": int(days)})
        return found


class Numbers:
    """Numbers by member or by target, as a page sends them: `m-<id>`, `t-<id>`, `m-pool`."""

    def __init__(self, default_all: bool):
        self._all = default_all

    def typed(self, name: str) -> str:
        """As typed."""
        return request.form.get(name, "")[:7]

    def read(
        self, members: Mapping[int | None, int], targets: Mapping[int, int]
    ) -> tuple[dict[int | None, int], dict[int, int]]:
        """By member and by target, what differs from all there are (or, of what comes back, from
        none). Raises `Refused`.
        """
        of_members = {
            key: number
            for key, there in members.items()
            if (number := self._number(f"m-{'pool' if key is None else key}", there)) is not None
        }
        of_targets = {
            key: number
            for key, there in targets.items()
            if (number := self._number(f"t-{key}", there)) is not None
        }
        if not any(of_members[key] != self._usual(members[key]) for key in of_members):
            of_members = {}
        if not any(of_targets[key] != self._usual(targets[key]) for key in of_targets):
            of_targets = {}
        if self._all:
            # Those whose box was left as it was are meant whole.
            of_members = {**members, **of_members} if of_members else {}
            of_targets = {**targets, **of_targets} if of_targets else {}
        return of_members, of_targets

    def _usual(self, there: int) -> int:
        return there if self._all else 0

    def _number(self, name: str, there: int) -> int | None:
        value = self.typed(name).strip()
        if not value:
            return None
        if not (value.isascii() and value.isdigit()):
            raise Refused(_("“%(typed)s” is not a whole number.", typed=value), "numbers")
        if int(value) > there:
            raise Refused(
                _("%(wanted)s pieces are asked for, and there are %(there)s.",
                  wanted=int(value), there=there),
                "numbers",
            )  # fmt: skip
        return int(value)


class PostForm(Form):
    """Everything was filled in: the day, and what is not as planned."""

    number = HiddenField(validators=[Regexp(r"[0-9]{1,6}\Z", message=_l("Open this page anew."))])
    posted_on = day(_l("Posted on"), required=True, past=True)
    pieces = _a_number(_l("How many"))
    place = a_line(_l("Place"))
    minutes = _a_number(_l("Minutes a piece took"))
    postage = Amount(_l("Postage of one piece"), filters=[cleaned], validators=[Optional()])


class CodeForm(Form):
    """The short code."""

    code = a_line(
        _l("Code"),
        most=20,
        required=True,
        description=_l("Seven letters and digits, on each sheet of the pack."),
    )


class ReturnForm(Form):
    """What came back."""

    pieces = _a_number(_l("How many came back"))
    reason = a_line(_l("Why"), most=300)


class HandOutForm(Form):
    """Until when, and a word."""

    client_key = form_key()
    due_on = day(_l("Due on"), required=True)
    note = long_text(_l("A word to everybody"), most=500)


class ClaimForm(Form):
    """Whose the pool's pieces become."""

    member = choice(_l("Member"), required=True, choices=[])
    number = WholeNumber(
        _l("How many"), read=whole_number, validators=[InputRequired(_l("Give a number."))]
    )
