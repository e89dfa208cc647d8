"""What is asked when a report is frozen or saved, and when saved ones are changed."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms.fields.choices import SelectChoice

from crm.core.access import Scope
from crm.core.forms import Form, choice, parse_id, text
from crm.members.forms import chapter_choices
from crm.members.queries import chapters_in
from crm.reports.saved import SHARED


class FreezeForm(Form):
    """Why it is kept, in a few words."""

    reason = text(
        _l("What for"),
        most=200,
        description=_l("Such as: for the board of 3 March. It is kept for good, so name nobody."),
    )

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        # Some pages ask below why they give names, too.
        self.reason.id = "keep-reason"


class SaveForm(Form):
    """Under which name."""

    name = text(_l("Name"), most=120, required=True)


class SavedForm(SaveForm):
    """Under which name, and who may open it."""

    shared = choice(
        _l("Who may open it"),
        required=True,
        default="me",
        choices=[SelectChoice(value, label) for value, label in SHARED.items()],
        description=_l("Everybody sees in it what they may see anywhere, and no more."),
    )
    chapter_id = choice(
        _l("Which chapter"),
        coerce=lambda value: parse_id(str(value)),
        description=_l("Where it is shared with a chapter."),
    )

    def offer(self, scope: Scope) -> None:
        """Offer the chapters it may be shared with."""
        self.chapter_id.choices = chapter_choices(chapters_in(scope), nothing="–")
