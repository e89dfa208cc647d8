"""What a report is asked for, and why a file is to name people."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from crm.core.i18n import day
from crm.members.disclosure import NOBODY, Exit, Viewer
from crm.outreach.filters import LABELS, Choices, parse_filter
from crm.outreach.queries import ActionFilter
from crm.reports.catalogue import Report
from crm.reports.rules import ANSWERED, ANY


@dataclass(frozen=True)
class Asked:
    """What was asked for: the filter, what of it cannot be meant, and the words it came in."""

    wanted: ActionFilter
    problems: list[str]
    given: dict[str, str]
    choices: Choices
    #: Of outcomes, a kind or a group of kinds; None for all.
    outcome: str | None
    #: What the rows are to be about, where a report leaves the choice.
    by: str | None = None
    report: Report | None = None

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is asked for, in words, for the head of a page."""
        return self.told(Exit.PAGE)

    def told(self, exit: Exit) -> list[tuple[str, str]]:
        """The same as it may leave this way: a file calls a member by a number."""
        said = [
            (str(LABELS[name]), self._said(name, value, exit)) for name, value in self.given.items()
        ]
        if self.by and self.report:
            said.insert(0, (_("Counted by"), str(self.report.ways[self.by].about)))
        return said

    def _said(self, name: str, value: str, exit: Exit) -> str:
        if name in ("since", "until"):
            return day(self.wanted.since if name == "since" else self.wanted.until) or value
        if name == "outcome":
            return _outcomes(self.choices).get(value, value)
        return self.choices.said(name, value, exit)


def _outcomes(choices: Choices) -> dict[str, str]:
    return {ANSWERED: _("Answers"), ANY: _("Anything"), **choices.of("outcome")}


def parse(args: Mapping[str, str], report: Report, viewer: Viewer = NOBODY) -> Asked:
    """Read what an address or a command line asks of a report, for the eyes of the viewer.

    What names nothing is a problem, and then nothing is answered: never more than was asked for.
    """
    # An outcome narrows the answers that are told here, not the actions they came to.
    outcome = (args.get("outcome") or "").strip() or None
    asked = parse_filter({name: value for name, value in args.items() if name != "outcome"}, viewer)
    given, problems = dict(asked.given), list(asked.problems)
    by = (args.get("by") or "").strip() or None
    if by and by not in report.ways:
        problems.append(_("This report cannot be counted by “%(value)s”.", value=by[:80]))
        by = None
    if outcome:
        given["outcome"] = outcome
        if outcome not in _outcomes(asked.choices):
            problems.append(
                _("Nothing is known as “%(value)s” for what came back.", value=outcome[:80])
            )
    return Asked(asked.wanted, problems, given, asked.choices, outcome, by, report)
