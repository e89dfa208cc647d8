"""They would meet."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="meeting_offered",
    label=_l("Meeting offered"),
    help=_l("They would meet."),
    order=40,
    tone="good",
    is_answer=True,
)
