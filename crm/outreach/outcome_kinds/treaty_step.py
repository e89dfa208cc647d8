"""A signature, a ratification, an accession."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="treaty_step",
    label=_l("Treaty step"),
    help=_l("A signature, a ratification, an accession."),
    order=100,
    tone="good",
    is_answer=False,
    is_move=True,
)
