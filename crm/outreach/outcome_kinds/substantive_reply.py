"""An answer to what was asked."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="substantive_reply",
    label=_l("Substantive reply"),
    help=_l("An answer to what was asked."),
    order=30,
    tone="good",
    is_answer=True,
)
