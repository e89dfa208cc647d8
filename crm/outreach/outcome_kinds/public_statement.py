"""They spoke about it in public."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="public_statement",
    label=_l("Public statement"),
    help=_l("They spoke about it in public."),
    order=80,
    tone="good",
    is_answer=True,
)
