"""The page of the claim check. The text is answered, and neither kept nor logged."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flask import render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core import db
from crm.core.access import Can, requires
from crm.core.forms import Form, day, long_text
from crm.core.i18n import today
from crm.treaties import claims
from crm.treaties.claims.ledger import read_ledger
from crm.treaties.claims.reading import Claim, Verdict
from crm.treaties.views import blueprint

#: Words for the kinds of claims.
KINDS = {
    "joined": _l("States Parties"),
    "signatories": _l("Signatories"),
    "endorsed": _l("Signed or joined"),
    "signed": _l("Signatures"),
    "not_joined": _l("Not joined"),
    "in_force": _l("In force for"),
    "sum": _l("A sum"),
    "gap": _l("Missing to a goal"),
    "mixed": _l("Unlike counts"),
    "share": _l("A share"),
    "out_of": _l("Out of all states"),
    "nth": _l("The n-th"),
    "entry_into_force": _l("Entry into force"),
    "signature": _l("Signature"),
    "deposit": _l("Deposit"),
    "became": _l("Became a State Party"),
    "withdrawal": _l("Withdrawal"),
    "adopted": _l("Adoption"),
    "opened": _l("Opening for signature"),
    "status": _l("Where a state stands"),
    "deadline": _l("A deadline"),
    "weekday": _l("Weekday"),
    "date": _l("A date"),
    "field": _l("Field left unfilled"),
}
VERDICTS = {
    Verdict.RIGHT: (_l("right"), "badge-good"),
    Verdict.WRONG: (_l("wrong"), "badge-bad"),
    Verdict.CANNOT_TELL: (_l("cannot tell"), "badge-warn"),
}
_GRAVITY = (Verdict.RIGHT, Verdict.CANNOT_TELL, Verdict.WRONG)


class ClaimsForm(Form):
    """A text and its date."""

    text = long_text(_l("Text"), most=claims.MOST, required=True)
    on = day(
        _l("Date of the text"),
        description=_l("Else the date at its head is taken, else today."),
    )


@dataclass(frozen=True)
class Part:
    """A piece of the text, the gravest verdict on it, and the numbers of the claims that end in
    it."""

    text: str
    verdict: Verdict | None
    ending: tuple[int, ...]


def parts(text: str, found: Sequence[Claim]) -> list[Part]:
    """The text cut where claims begin and end; joined again it is the text. One pass."""
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for number, claim in enumerate(found, start=1):
        begins.setdefault(claim.start, []).append(number)
        ends.setdefault(claim.end, []).append(number)
    cut = []
    over: set[int] = set()
    for start, end in pairwise(sorted({0, len(text), *begins, *ends})):
        over |= {*begins.get(start, ())}
        over -= {*ends.get(start, ())}
        verdicts = [found[number - 1].verdict for number in over]
        gravest = max(verdicts, key=_GRAVITY.index) if verdicts else None
        cut.append(Part(text[start:end], gravest, tuple(ends.get(end, ()))))
    return cut


@blueprint.route("/treaties/claims", methods=["GET", "POST"], endpoint="claims")
@requires(Can.SEE)
def claims_page() -> Any:
    """A text to be checked, and what was found in it."""
    form = ClaimsForm()

    def check() -> claims.Report:
        ledger = read_ledger()
        # The check needs no database: nobody has to wait for it.
        db.release()
        return claims.check(form.text.data, ledger, on=form.on.data, today=today())

    report = form.carry(check)
    return render_template(
        "treaties/claims.html",
        form=form,
        report=report,
        parts=parts(form.text.data, report.claims) if report else [],
        kinds=KINDS,
        ledger_source=report.source if report else "",
        verdicts=VERDICTS,
        heading=_("What was found"),
    ), 200 if report else form.status
