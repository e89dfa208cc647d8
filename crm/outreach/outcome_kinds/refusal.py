"""They said no."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="refusal",
    label=_l("Refusal"),
    help=_l("They said no."),
    order=60,
    tone="bad",
    is_answer=True,
)
