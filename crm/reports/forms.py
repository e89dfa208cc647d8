"""What a report is asked for: filters, a period, what it is compared with, and as of which day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core.i18n import day, today
from crm.members.disclosure import NOBODY, Exit, Viewer
from crm.outreach.filters import HIDDEN, LABELS, NAMES, Choices, parse_filter
from crm.outreach.queries import ActionFilter
from crm.reports import as_of as knowledge
from crm.reports import periods
from crm.reports.catalogue import Question, Report
from crm.reports.comparing import compared
from crm.reports.periods import Days
from crm.reports.queries import first_deed
from crm.reports.rules import ANSWERED, ANY, MOVES, SUBSTANCE

#: What a report is asked beside its filters, by the word of its address.
WORDS: Mapping[str, Any] = {
    "period": _l("Period"),
    "compare": _l("Compared with"),
    "as_of": _l("As of"),
    "by": _l("Counted by"),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked for: the filter, what of it cannot be meant, and the words it came in."""

    report: Report
    wanted: ActionFilter
    problems: list[str]
    #: The filters as they were typed; a period by its name, where it has one.
    given: dict[str, str]
    choices: Choices
    #: Of outcomes, a kind or a group of kinds; None for all.
    outcome: str | None = None
    #: What the rows are to be about, where a report leaves the choice.
    by: str | None = None
    #: The day it is asked on: what a period's name means.
    on: date = field(default_factory=today)
    #: A named period, where no days were typed.
    period: str | None = None
    #: `before` or `year`.
    compare: str | None = None
    #: The days it is compared with.
    then: Days | None = None
    #: Where it is compared before its end: the day up to which both are told.
    so_far: date | None = None
    #: The day as whose end it is told; None: as it is.
    as_of: date | None = None
    #: What else a reader should know of how it was asked, in sentences.
    notes: Sequence[str] = ()
    #: What was typed beside the filters, whether it can be meant or not.
    beside: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def shown(self) -> Report:
        """The report that answers it: by person or post, compared or not."""
        report = self.report.asked_by(self.by)
        if self.then is None:
            return report
        then = self.wanted.with_(since=self.then.first, until=self.then.last)
        return compared(report, then)

    @property
    def counted(self) -> ActionFilter:
        """The filter that is counted: of a period compared before its end not what lies ahead."""
        ahead = self.report.counts_ahead and self.so_far is not None
        return self.wanted.with_(until=self.so_far) if ahead else self.wanted

    def question(self, viewer: Viewer, exit: Exit = Exit.PAGE) -> Question:
        """What that report is asked."""
        return Question(
            wanted=self.counted,
            viewer=viewer,
            exit=exit,
            outcome=self.outcome,
            on=self.as_of or self.on,
            as_of=self.as_of,
        )

    @property
    def address(self) -> dict[str, str]:
        """All of it, as an address has it: to ask the same again, and another day anew."""
        return {**self.given, **self.beside}

    @property
    def written(self) -> dict[str, str]:
        """The filters with the days of a named period written out: for lists that know no names,
        and for what must mean the same days tomorrow.
        """
        rest = {name: value for name, value in self.given.items() if name != "period"}
        return {**rest, **_days_written(Days(self.counted.since, self.counted.until))}

    @property
    def fixed(self) -> dict[str, str]:
        """All of it, so that it means the same days whenever it is asked."""
        rest = {name: value for name, value in self.beside.items() if name != "period"}
        return {**self.written, **rest}

    @property
    def written_before(self) -> dict[str, str]:
        """The same of the period it is compared with."""
        return {**self.written, **(_days_written(self.then) if self.then else {})}

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is asked for, in words, for the head of a page."""
        return self.told(Exit.PAGE)

    def told(self, exit: Exit) -> list[tuple[str, str]]:
        """The same as it may leave this way: a file calls a member by a number."""
        said = [(_label(name), self._said(name, value, exit)) for name, value in self.given.items()]
        if self.by:
            said.insert(0, (_("Counted by"), str(self.report.ways[self.by].about)))
        if self.compare and self.then:
            name = str(periods.COMPARED[self.compare])
            said.append((_label("compare"), f"{name} ({_days_told(self.then)})"))
        if self.as_of:
            said.append((_label("as_of"), str(day(self.as_of))))
        return [*said, *((_("Note"), note) for note in self.notes)]

    def _said(self, name: str, value: str, exit: Exit) -> str:
        if name in ("since", "until"):
            return day(self.wanted.since if name == "since" else self.wanted.until) or value
        if name == "period":
            told = _days_told(Days(self.wanted.since, self.wanted.until))
            label = str(periods.NAMES.get(value, value))
            return f"{label} ({told})" if told else label
        if name == "outcome":
            return _outcomes(self.choices).get(value, value)
        return self.choices.said(name, value, exit)


def _label(name: str) -> str:
    return str(LABELS[name] if name in LABELS else WORDS[name])


def _days_told(days: Days) -> str:
    return " – ".join(str(day(each)) for each in days if each)


def _days_written(days: Days) -> dict[str, str]:
    return {
        name: each.isoformat()
        for name, each in (("since", days.first), ("until", days.last))
        if each
    }


def _outcomes(choices: Choices) -> dict[str, str]:
    return {
        ANSWERED: _("Answers"),
        SUBSTANCE: _("Answers of substance"),
        MOVES: _("Moves"),
        ANY: _("Anything"),
        **choices.of("outcome"),
    }


def heeds(report: Report, name: str) -> bool:
    """Whether the report is narrowed by a filter; by a period, where it heeds its days."""
    if report.uses is None:
        return True
    if name in ("period", "compare"):
        return "since" in report.uses and "until" in report.uses
    return name in report.uses


def may_compare(report: Report) -> bool:
    """Whether two periods of it can be laid side by side."""
    return not report.streamed and report.compares != () and heeds(report, "compare")


def _unheeded(names: Mapping[str, str], report: Report) -> list[str]:
    return [
        _(
            "“%(report)s” cannot be narrowed by “%(filter)s”: take that filter away.",
            report=report.title,
            filter=_label(name),
        )
        for name in names
        if not heeds(report, name)
    ]


def parse(
    args: Mapping[str, str], report: Report, viewer: Viewer = NOBODY, *, on: date | None = None
) -> Asked:
    """Read what an address or a command line asks of a report, for the eyes of the viewer.

    What names nothing is a problem, and then nothing is answered: never more than was asked for.
    """
    typed = {name: value for name in args if (value := (args.get(name) or "").strip())}
    # The words keep their places in facts: a period stands where its days would.
    read = {name: value for name, value in typed.items() if name in (*NAMES, *HIDDEN)}
    problems: list[str] = []
    notes: list[str] = []
    on = on or today()
    as_of = _as_of(typed.get("as_of"), on, problems)
    on = as_of or on
    period = _period(typed, read, report, on, problems, notes)
    # An outcome narrows the answers that are told here, not the actions they came to.
    outcome = typed.get("outcome")
    days = periods.days_of(period, on) if period else Days(None, None)
    asked = parse_filter(
        {name: value for name, value in read.items() if name != "outcome"} | _days_written(days),
        viewer,
    )
    given = dict(asked.given)
    if period:
        given = {name: value for name, value in given.items() if name not in ("since", "until")} | {
            "period": period
        }
    problems += [*asked.problems, *_unheeded(given, report)]
    by = typed.get("by")
    if by and by not in report.ways:
        problems.append(_("This report cannot be counted by “%(value)s”.", value=by[:80]))
        by = None
    if outcome:
        given["outcome"] = outcome
        problems += _unheeded({"outcome": outcome}, report)
        if outcome not in _outcomes(asked.choices):
            problems.append(
                _("Nothing is known as “%(value)s” for what came back.", value=outcome[:80])
            )
    whole = Days(asked.wanted.since, asked.wanted.until)
    compare = typed.get("compare")
    then = _then(compare, period, whole, on, report.asked_by(by), problems)
    so_far = on if periods.goes_on(whole, on) else None
    if so_far:
        notes.append(_not_over(whole, so_far, period, compare, then))
    if as_of:
        notes.append(knowledge.told(as_of))
    elif then and heeds(report, "channel"):
        notes += _before_the_record(then)
    return Asked(
        report=report,
        wanted=asked.wanted,
        problems=problems,
        given=given,
        choices=asked.choices,
        outcome=outcome,
        by=by,
        on=on,
        period=period,
        compare=compare if then else None,
        then=then,
        so_far=so_far if then else None,
        as_of=as_of,
        notes=notes,
        beside={
            name: typed[name]
            for name in ("by", "compare", "as_of", *(() if period else ("period",)))
            if name in typed
            and (name != "by" or by)
            # Days by hand win over a name; a name that names nothing stays for its sentence.
            and not (name == "period" and typed[name] in periods.NAMES)
        },
    )


def _period(
    typed: Mapping[str, str],
    read: Mapping[str, str],
    report: Report,
    on: date,
    problems: list[str],
    notes: list[str],
) -> str | None:
    """The period that is named, unless days were typed by hand: they win, and that is said."""
    name = typed.get("period")
    if name is None:
        return None
    if name not in periods.NAMES:
        problems.append(
            _("There is no period called “%(value)s”: choose one of the list.", value=name[:80])
        )
        return None
    if "since" in read or "until" in read:
        notes.append(
            _("From and To were given, so “%(period)s” is not used.", period=periods.NAMES[name])
        )
        return None
    return name


def _then(
    compare: str | None,
    period: str | None,
    days: Days,
    on: date,
    report: Report,
    problems: list[str],
) -> Days | None:
    """The days the asked ones are compared with: no more of them than of those there were yet."""
    if compare is None:
        return None
    if compare not in periods.COMPARED:
        problems.append(
            _(
                "A report cannot be compared with “%(value)s”: choose one of the list.",
                value=compare[:80],
            )
        )
    elif not may_compare(report):
        problems.append(
            _("“%(report)s” cannot be compared with another period.", report=report.title)
        )
    elif not days.is_bounded:
        problems.append(_("Choose what is to be compared: a period, or both From and To."))
    elif days.first and days.last and days.first <= days.last:
        then = (
            periods.before(period, days, on) if compare == "before" else periods.year_before(days)
        )
        return periods.as_far(then, days, on, compare)
    return None


def _not_over(
    days: Days, on: date, period: str | None, compare: str | None, then: Days | None
) -> str:
    """That a period is told before its end: less was done in it than will have been; and which
    days stand beside which.
    """
    if then is None:
        return _("This period is not over: it is told up to %(day)s.", day=day(on))
    told = {"now": _days_told(Days(days.first, on)), "then": _days_told(then)}
    if compare == "year":
        return _(
            "This period is not over: %(now)s is compared with the same days a year earlier, "
            "%(then)s.",
            **told,
        )
    return _(
        "This period is not over: %(now)s is compared with the same days of %(period)s, %(then)s.",
        period=periods.BEFORE_THIS.get(period or "", periods.BEFORE),
        **told,
    )


def _before_the_record(then: Days) -> list[str]:
    """That a period lies before all outreach that was ever recorded: what is new beside it may be
    older than the record.
    """
    begins = first_deed()
    if begins is None or then.first is None or then.last is None or then.first >= begins:
        return []
    if then.last < begins:
        return [
            _(
                "The first outreach in the record is of %(day)s, after the days that this is "
                "compared with: nothing is known of them.",
                day=day(begins),
            )
        ]
    return [
        _(
            "The first outreach in the record is of %(day)s, within the days that this is "
            "compared with.",
            day=day(begins),
        )
    ]


def is_day(value: str) -> bool:
    """Whether a text is a date as a field of days writes it."""
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _as_of(value: str | None, on: date, problems: list[str]) -> date | None:
    """The day as whose end all is to be told."""
    if value is None:
        return None
    if not is_day(value):
        problems.append(_("“%(value)s” is not a date such as 2026-03-31.", value=value[:40]))
        return None
    found = date.fromisoformat(value)
    if found > on:
        problems.append(
            _("Nothing is known yet of %(day)s: choose a day that is over.", day=day(found))
        )
        return None
    first = knowledge.first_day()
    if first is None or found < first:
        problems.append(
            _("The record begins on %(day)s: choose that day or a later one.", day=day(first or on))
        )
        return None
    return found
