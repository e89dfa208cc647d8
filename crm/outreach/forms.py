"""The form of a channel, and those that record what came back."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from flask import current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer
from wtforms import (
    BooleanField,
    FileField,
    MultipleFileField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import HiddenInput

from crm.core.errors import Refused
from crm.core.files import keep_picture, still_kept
from crm.core.forms import (
    Form,
    WholeNumber,
    an_id,
    choice,
    cleaned,
    day,
    form_key,
    is_form_key,
    long_text,
    parse_id,
    text,
)
from crm.outreach import rules
from crm.outreach.batch import Question
from crm.outreach.channels import Channel, Detail
from crm.outreach.checks import MOST_PHOTOS
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.rules import Spread

#: Largest number typed for one person.
_MOST_COUNT = 10_000_000


def whole_number(typed: str) -> int:
    """`150`, `1,500`, `1 500`: blanks and commas between thousands are fine."""
    plain = typed.replace(",", "").replace(" ", "").replace("\u00a0", "")
    if not (plain.isascii() and plain.isdigit()) or int(plain) > _MOST_COUNT:
        raise ValueError(_("Give a whole number."))
    return int(plain)


def options(pairs: Iterable[tuple[Any, Any]]) -> list[SelectChoice]:
    """Values and labels as a field wants them."""
    return [SelectChoice(value, label) for value, label in pairs]


class WithMembers(Form):
    """Asks for members by ticking them, each with a number or without: `member`, `count-<id>`."""

    client_key = form_key()

    @property
    def has_key(self) -> bool:
        """Whether what was sent as the form's key may be one."""
        return is_form_key(self.client_key.data)

    #: Members ticked and their numbers as typed, where nothing was sent yet.
    ticked_before: Mapping[int, int | None] = MappingProxyType({})

    def ticked(self) -> dict[int, int | None]:
        """Members who are ticked, or have a number; raises `Refused` for what is no number."""
        if not self.is_submitted():
            return dict(self.ticked_before)
        found: dict[int, int | None] = {}
        for value in request.form.getlist("member"):
            if (member_id := parse_id(value)) is not None:
                found[member_id] = None
        for name, value in request.form.items():
            head, _dash, member = name.partition("-")
            if head != "count" or not value.strip() or not (member.isascii() and member.isdigit()):
                continue
            try:
                found[int(member[:9])] = whole_number(value)
            except ValueError:
                raise Refused(
                    _("“%(typed)s” is not a whole number.", typed=value.strip()[:20]), "roster"
                ) from None
        return found

    def typed_count(self, member_id: int) -> str:
        """The number box of a member, as typed."""
        if self.is_submitted():
            return request.form.get(f"count-{member_id}", "")[:20]
        number = self.ticked_before.get(member_id)
        return "" if number is None else str(number)

    def is_ticked(self, member_id: int) -> bool:
        """The tick of a member, as sent."""
        if self.is_submitted():
            return str(member_id) in request.form.getlist("member")
        return member_id in self.ticked_before


class LogForm(WithMembers):
    """What every channel asks. `form_for` adds what only one does."""

    #: Of a correction: how many there were when the form was read.
    seen = WholeNumber(read=whole_number, widget=HiddenInput(), validators=[Optional()])
    campaign = choice(_l("Campaign"), required=True, choices=[])
    happened_on = day(_l("Date"), required=True, past=True)
    until = day(_l("Last day"), past=True)
    place = text(_l("Place"))
    chapters = SelectMultipleField(_l("Chapter"), coerce=an_id, choices=[])
    pieces = WholeNumber(
        _l("How many"),
        read=whole_number,
        validators=[InputRequired(_l("Give the number of pieces."))],
    )
    aim = RadioField(_l("Targets"), choices=[], default="campaign")
    area = choice(_l("State"), choices=[], validate_choice=False)
    target_list = choice(_l("List"), choices=[], validate_choice=False)
    chosen = long_text(_l("Targets, one a line"), most=60_000)
    spread = RadioField(
        _l("Spread"),
        choices=[
            SelectChoice(Spread.EVENLY.value, _l("Evenly")),
            SelectChoice(Spread.NUMBERS.value, _l("By the numbers")),
            SelectChoice(Spread.ONE.value, _l("All to one")),
        ],
        default=Spread.EVENLY.value,
    )
    roster = long_text(_l("Paste a roster"), most=60_000)
    people = WholeNumber(_l("People who took part"), read=whole_number, validators=[Optional()])
    minutes = WholeNumber(
        _l("Minutes of work, everybody's added up"), read=whole_number, validators=[Optional()]
    )
    asks = SelectMultipleField(
        _l("What was asked"), coerce=an_id, choices=[], validate_choice=False
    )
    note = long_text(_l("Note"))
    photos = MultipleFileField(_l("Photos"))
    nobody_seen = BooleanField(_l("Nobody can be recognised in the new photos"))
    reason = text(_l("Why it is corrected"))

    channel: Channel

    def __init__(self, **values: Any):
        super().__init__(**values)
        self.questions: Sequence[Question] = ()
        #: What the questions are answered with where nothing was sent yet: of a correction.
        self.answered: dict[str, str] = {}
        #: File names of pictures that came with an earlier try, or are the action's already.
        self.kept: list[str] = []
        self.bad_photo: Refused | None = None
        if not self.channel.per_piece:
            del self.pieces
            del self.spread

    @property
    def details(self) -> list[Any]:
        """The fields only this channel has."""
        return [self[f"detail_{detail.name}"] for detail in self.channel.details]

    @property
    def detail_values(self) -> dict[str, Any]:
        """What the channel's own questions were answered with."""
        return {detail.name: self[f"detail_{detail.name}"].data for detail in self.channel.details}

    @property
    def number_of_pieces(self) -> int:
        """The pieces; an act is one."""
        return int(self.pieces.data or 0) if self.channel.per_piece else 1

    @property
    def answers(self) -> Mapping[str, str]:
        """Answers to questions about names."""
        if self.is_submitted():
            return request.form
        return self.answered

    def carried_answers(self) -> dict[str, str]:
        """Answers that no question on the page holds now: the form carries them along."""
        shown = {question.field for question in self.questions}
        return {
            name: value
            for name, value in self.answers.items()
            if name.startswith(("target:", "member:")) and name not in shown
        }

    def keep_photos(self) -> None:
        """Keep the pictures sent, and those an earlier try kept; `bad_photo` says what was not one.

        Called before the form is looked at: pictures must outlive a form that comes back, and
        decoding them lets go of the lock, after which all that was read would be read again.
        """
        try:
            self._keep_photos()
        except Refused as refusal:
            self.bad_photo = refusal

    def _keep_photos(self) -> None:
        for token in request.form.getlist("kept_photo")[:MOST_PHOTOS]:
            if (file := unsealed(token)) is not None and file not in self.kept:
                self.kept.append(still_kept(file, field="photos"))
        for upload in self.photos.data or ():
            if getattr(upload, "filename", None):
                if len(self.kept) >= MOST_PHOTOS:
                    raise Refused(
                        _("At most %(most)s photos can be kept.", most=MOST_PHOTOS), "photos"
                    )
                self.kept.append(keep_picture(upload, field="photos"))

    def kept_tokens(self) -> list[str]:
        """The kept pictures, sealed, for the form's next try."""
        return [sealed(file) for file in self.kept]


def _detail_field(detail: Detail) -> Any:
    about = detail.help or ""
    if detail.kind == "choice":
        return SelectField(
            detail.label,
            choices=options([("", _l("Not said")), *detail.choices]),
            validators=[Optional()],
            description=about,
        )
    return StringField(
        detail.label,
        filters=[cleaned],
        description=about,
        render_kw={
            "inputmode": {"number": "numeric", "money": "decimal", "url": "url"}.get(
                detail.kind, "text"
            )
        },
    )


@cache
def form_for(channel: Channel) -> type[LogForm]:
    """The form of a channel: what all ask and what only this one does."""
    more = {f"detail_{detail.name}": _detail_field(detail) for detail in channel.details}
    return type(f"Log{channel.name.title()}", (LogForm,), {"channel": channel, **more})


class OutcomeForm(Form):
    """What came back."""

    kind = choice(_l("What came back"), required=True, choices=[])
    received_on = day(_l("Received on"), required=True, past=True)
    summary = long_text(_l("In a sentence"), most=2000)
    contact_point_id = choice(
        _l("It had been sent to"),
        choices=[],
        coerce=lambda value: int(value) if value else None,
        description=_l("This address is marked bad, and no paper goes there any more."),
    )
    scan = FileField(_l("Scan or photo"))
    text = long_text(
        _l("What they promised"),
        most=2000,
        render_kw={"data-only-for": "commitment position_change meeting_offered"},
    )
    due_on = day(
        _l("Due"), render_kw={"data-only-for": "commitment position_change meeting_offered"}
    )

    def __init__(self, **values: Any):
        super().__init__(**values)
        kinds = [(kind.name, kind.label) for kind in outcome_kinds().values()]
        self.kind.choices = options([("", _l("Choose")), *kinds])

    def ask_address(
        self, points: Sequence[tuple[int, str]], likely: int | None, about: Sequence[str]
    ) -> None:
        """Ask which of these addresses failed, for the kinds of outcome it is `about`."""
        if not points:
            del self.contact_point_id
            return
        self.contact_point_id.choices = options([("", _("Not known")), *points])
        self.contact_point_id.render_kw = {"data-only-for": " ".join(about)}
        if not self.is_submitted():
            self.contact_point_id.data = likely

    @property
    def failed_address(self) -> int | None:
        """The address chosen, where one was asked for."""
        field = self._fields.get("contact_point_id")
        return field.data if field is not None else None

    def keep_scan(self) -> str | None:
        """Keep the scan sent, if one was."""
        upload = self.scan.data
        if upload is None or not getattr(upload, "filename", None):
            return None
        return keep_picture(upload, field="scan")


class UndoForm(Form):
    """The button, and why."""

    reason = text(_l("Why"))


def _seal() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="a picture of this form")


def sealed(file: str) -> str:
    """A kept picture's name as the form may carry it: nobody can put another's in its place."""
    token = _seal().dumps(file)
    return token if isinstance(token, str) else token.decode()


def unsealed(token: str) -> str | None:
    """The name again, or None for what is not ours."""
    try:
        return str(_seal().loads(token))
    except BadSignature:
        return None


def share_targets(form: LogForm, numbers: Sequence[tuple[int, int | None]]) -> dict[int, int]:
    """Pieces of each target by the form's way of spreading; of an act, the act."""
    if not form.channel.per_piece:
        return {target: 1 for target, _number in numbers}
    shares = rules.share_to_targets(
        form.number_of_pieces, [number for _target, number in numbers], Spread(form.spread.data)
    )
    return {target: share for (target, _number), share in zip(numbers, shares, strict=True)}
