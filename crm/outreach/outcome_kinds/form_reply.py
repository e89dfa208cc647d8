"""The same letter everybody gets."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="form_reply",
    label=_l("Form reply"),
    help=_l("The same letter everybody gets."),
    order=20,
    tone="plain",
    is_answer=True,
)
