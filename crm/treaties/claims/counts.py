"""Finds how many states a text says stand where, and what is missing to a goal."""

import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from flask_babel import gettext as _

from crm.treaties.claims.dates import MONTHS
from crm.treaties.claims.patterns import (
    ABOUT_TREATY,
    BOUNDARY,
    COMPARED,
    GAPS,
    GOAL,
    GOALS,
    MIXED,
    MORE,
    MOST,
    NAMED_DAY,
    NARROWED,
    NOUN,
    OTHER_DAY,
    PART_AFTER,
    PART_BEFORE,
    PATTERNS,
    PRESENT,
    SHORT_OF,
    SP,
    SUMS,
    WHOLE_BEFORE,
    Pattern,
)
from crm.treaties.claims.reading import (
    Ledger,
    Reading,
    Verdict,
    day,
    listed,
    metric_words,
    short,
)
from crm.treaties.claims.text import Number, Sentence
from crm.treaties.instruments import INSTRUMENTS


def find(reading: Reading) -> None:
    """Look for counts, sums and gaps, sentence by sentence."""
    endorsed: tuple[int, Number] | None = None
    goals = _goals(reading)
    for sentence in reading.sentences:
        if not sentence.numbers:
            continue
        before = len(reading.claims)
        _sums(reading, sentence)
        _gaps(reading, sentence, goals)
        _mixed(reading, sentence, endorsed)
        wanted = {
            sentence.numbers[_index(match["g"])].start
            for shape in GOALS
            for match in shape.finditer(sentence.shape)
        }
        for each in PATTERNS:
            for match in each.shape.finditer(sentence.shape):
                _count(reading, sentence, each, match, wanted)
        for claim in reading.claims[before:]:
            if claim.kind == "endorsed":
                endorsed = (sentence.paragraph, Number(claim.says, claim.start, claim.end))


def _index(written: str) -> int:
    return int(written[1:-1])


def numbers(sentence: Sentence, match: re.Match[str], names: str) -> list[Number]:
    return [sentence.numbers[_index(match[name])] for name in names]


def _goals(reading: Reading) -> list[int]:
    """Numbers a text names as a goal."""
    found = []
    for sentence in reading.sentences:
        for shape in GOALS[:2]:
            for match in shape.finditer(sentence.shape):
                number = sentence.numbers[_index(match["g"])].value
                if 20 <= number <= 197 and re.search(SP, sentence.shape):
                    found.append(number)
    return found


# Plain counts


def _count(
    reading: Reading, sentence: Sentence, pattern: Pattern, match: re.Match[str], wanted: set[int]
) -> None:
    number = sentence.numbers[_index(match["n"])]
    if number.start in reading.taken or number.value > MOST or number.start in wanted:
        return
    shape = sentence.shape
    before = shape[max(match.start("n") - 60, 0) : match.start("n")]
    after = shape[match.end() : match.end() + 120]
    compared = COMPARED.search(before)
    plain = before[: compared.start()] if compared else before
    if _is_no_count(plain, pattern):
        return
    if _is_some_of_them(match, plain, after, pattern):
        return
    if pattern.wants_object and not (ABOUT_TREATY.match(after) or BOUNDARY.match(after)):
        return
    place = sentence.place(match.start("n"), match.end())
    explicit = bool(re.search(SP + "|signator", match[0]))
    if not explicit and not reading.treaties.any:
        return
    treaty = reading.treaty(sentence, number.start)
    on, range_end = day_of(reading, sentence, match)
    if pattern.kind in ("joined", "signatories") and _is_part(
        reading, number.value, pattern, treaty, on, plain
    ):
        return
    reading.taken.add(number.start)
    span = (min(number.start, place[0]), max(number.end, place[1]))
    compare = _comparison(compared["word"] if compared else "")
    _judge(reading, pattern, number.value, span, treaty, on, range_end, compare)


def _is_some_of_them(match: re.Match[str], plain: str, after: str, pattern: Pattern) -> bool:
    """Whether what follows says that a number of them did something, as of all it would not."""
    if plain.endswith(("all ", "all the ")) or not NOUN.search(match[0]):
        return False
    if PART_AFTER.match(after):
        return True
    return pattern.kind == "joined" and NARROWED.match(after) is not None


def _is_no_count(plain: str, pattern: Pattern) -> bool:
    found = PART_BEFORE.search(plain)
    if found is None:
        return False
    return pattern.kind == "joined" or found[0].strip() not in MORE


def _is_part(
    reading: Reading, value: int, pattern: Pattern, treaty: str | None, on: date, plain: str
) -> bool:
    """Whether a number is too small to be meant as the count of all."""
    if WHOLE_BEFORE.search(plain):
        return False
    treaties = [treaty] if treaty else list(INSTRUMENTS)
    truths = [reading.ledger.value(each, pattern.metrics[0], on) for each in treaties]
    least = 0.5 if pattern.kind == "joined" else 0.3
    return all(value < truth * least and truth >= 10 for truth in truths)


def day_of(
    reading: Reading, sentence: Sentence, match: re.Match[str]
) -> tuple[date, tuple[date, date] | None]:
    """The day a count speaks of: the one its sentence names (`as of 1 August 2010`, `in 2010`),
    else the text's. Of a year or a month: its last day, and its first and last."""
    shape = sentence.shape
    for found in NAMED_DAY.finditer(shape):
        if not _speaks_then(shape, found, match):
            continue
        if found["date"]:
            written = reading.dates[int(found["date"])].on
            if written is not None and written <= reading.on:
                return written, None
            continue
        year = int(found["year"])
        month = MONTHS.index(found["month"]) + 1 if found["month"] else None
        first = date(year, month or 1, 1)
        last = date(year, month or 12, monthrange(year, month or 12)[1])
        if first <= reading.on and (year < reading.on.year or month):
            return min(last, reading.on), (first, min(last, reading.on))
    return reading.on, None


def _speaks_then(shape: str, found: re.Match[str], match: re.Match[str]) -> bool:
    """Whether a day named in the sentence is the day of the count, not that of something else."""
    if found["as_of"]:
        return True
    if OTHER_DAY.search(shape[max(found.start() - 40, 0) : found.start()]):
        return False
    around = shape[match.start() : match.end() + 40] + shape[max(match.start() - 40, 0) :][:40]
    return not PRESENT.search(f" {around} ")


def _comparison(word: str) -> Callable[[int, int], bool]:
    if word in ("more than", "over", "upwards of"):
        return lambda says, truth: says < truth <= max(says * 1.15, says + 10)
    if word == "at least":
        return lambda says, truth: says <= truth <= max(says * 1.15, says + 10)
    if word in ("nearly", "almost", "close to", "up to"):
        return lambda says, truth: says * 0.9 <= truth <= says
    if word in ("fewer than", "less than", "under"):
        return lambda says, truth: says * 0.85 <= truth < says
    if word in ("about", "around", "approximately", "roughly"):
        return lambda says, truth: abs(says - truth) <= max(says * 0.05, 2)
    return lambda says, truth: says == truth


def _judge(
    reading: Reading, pattern: Pattern, value: int, span: tuple[int, int], treaty: str | None,
    on: date, year: tuple[date, date] | None, compare: Callable[[int, int], bool],
) -> None:  # fmt: skip
    """Note a count with what the ledger says of it."""
    ledger = reading.ledger
    treaties = [treaty] if treaty else list(INSTRUMENTS)
    days = _days(ledger, treaties, year) if year else [on]
    if "signed" in pattern.metrics and on < reading.on:
        # Signing conferences take two days.
        days.append(on + timedelta(days=1))
    for key in treaties:
        for metric in pattern.metrics:
            hit = next((each for each in days if compare(value, ledger.value(key, metric, each))),
                       None)  # fmt: skip
            if hit is not None:
                truth = ledger.value(key, metric, hit)
                reading.add(
                    pattern.kind, span, says=value, ledger=truth, verdict=Verdict.RIGHT,
                    message=_right(key, metric, truth, hit, treaty),
                    treaty=key, source=ledger.source,
                )  # fmt: skip
                return
    if treaty is None:
        values = [
            _("%(treaty)s: %(value)s", treaty=short(key),
              value=ledger.value(key, pattern.metrics[0], on))
            for key in treaties
        ]  # fmt: skip
        reading.add(
            pattern.kind, span, says=value,
            ledger={key: ledger.value(key, pattern.metrics[0], on) for key in treaties},
            verdict=Verdict.WRONG,
            message=_("The text does not say which treaty; %(value)s fits neither on %(day)s. "
                      "%(what)s: %(values)s.",
                      value=value, day=day(on), what=metric_words(pattern.metrics[0]).capitalize(),
                      values=", ".join(values)),
            source=ledger.source,
        )  # fmt: skip
        return
    metric = pattern.metrics[0]
    truth = ledger.value(treaty, metric, on)
    reading.add(
        pattern.kind, span, says=value, ledger=truth, verdict=Verdict.WRONG,
        message=_wrong(ledger, treaty, metric, value, truth, on), treaty=treaty,
        source=ledger.source,
    )  # fmt: skip


def _days(ledger: Ledger, treaties: Sequence[str], year: tuple[date, date]) -> list[date]:
    changes = {
        event_day
        for key in treaties
        for event_day, _counts, _signed in ledger.history(key)
        if year[0] <= event_day <= year[1]
    }
    return [year[1], *sorted(changes, reverse=True), year[0]]


def _right(treaty: str, metric: str, truth: int, on: date, named: str | None) -> str:
    said = _("%(treaty)s, %(day)s: %(value)s %(what)s.",
             treaty=short(treaty), day=day(on), value=truth, what=metric_words(metric))  # fmt: skip
    return said if named else said + " " + _("The text does not say which treaty.")


def _wrong(ledger: Ledger, treaty: str, metric: str, value: int, truth: int, on: date) -> str:
    said = _(
        "%(treaty)s, %(day)s: %(truth)s %(what)s, not %(value)s.",
        treaty=short(treaty), day=day(on), truth=truth, what=metric_words(metric), value=value,
    )  # fmt: skip
    if metric == "not_party":
        counts = ledger.counts(treaty, on)
        said += " " + _("Of %(states)s states %(joined)s have joined.",
                        states=counts.states, joined=counts.joined)  # fmt: skip
    others = [
        metric_words(each)
        for each in ("joined", "endorsed", "signed", "in_force", "outside", "signatories")
        if each != metric and ledger.value(treaty, each, on) == value
    ]
    if others:
        said += " " + _("%(value)s is the number of: %(what)s.", value=value, what=listed(others))
    if span := ledger.held(treaty, metric, value, on):
        first, last = span
        said += " " + (
            _("%(value)s was right from %(first)s to %(last)s.",
              value=value, first=day(first), last=day(last))
            if last
            else _("%(value)s is right since %(first)s.", value=value, first=day(first))
        )  # fmt: skip
    return said


# Sums, gaps, what is mixed up


def _sums(reading: Reading, sentence: Sentence) -> None:
    for shape in SUMS:
        for match in shape.finditer(sentence.shape):
            parties, signatories, whole = numbers(sentence, match, "abc")
            if {parties.start, signatories.start, whole.start} & reading.taken:
                continue
            if parties.value + signatories.value != whole.value:
                reading.add(
                    "sum", sentence.place(*match.span()), says=whole.value,
                    ledger=parties.value + signatories.value, verdict=Verdict.WRONG,
                    message=_("%(a)s and %(b)s make %(sum)s, not %(c)s.",
                              a=parties.value, b=signatories.value,
                              sum=parties.value + signatories.value, c=whole.value),
                )  # fmt: skip
            treaty = reading.treaty(sentence, parties.start)
            on, year = day_of(reading, sentence, match)
            for number, kind in (
                (parties, "joined"), (signatories, "signatories"), (whole, "endorsed"),
            ):  # fmt: skip
                reading.taken.add(number.start)
                _judge(
                    reading, Pattern(kind, (kind,), shape), number.value,
                    (number.start, number.end), treaty, on, year, _comparison(""),
                )  # fmt: skip


def _gaps(reading: Reading, sentence: Sentence, goals: Sequence[int]) -> None:
    for shape in GAPS:
        for match in shape.finditer(sentence.shape):
            gap = sentence.numbers[_index(match["n"])]
            treaty = reading.treaty(sentence, gap.start)
            named = match.groupdict().get("g")
            if gap.start in reading.taken or gap.value > MOST:
                continue
            is_goal = named is not None or bool(
                re.search(SP + "|goal|target|universali", sentence.shape)
            )
            if named:
                goal_number = sentence.numbers[_index(named)]
                reading.taken.add(goal_number.start)
                goal: int | None = goal_number.value
            else:
                goal = goals[-1] if goals else GOAL.get(treaty or "")
            if not is_goal or goal is None or goal > MOST:
                continue
            reading.taken.add(gap.start)
            _gap(reading, sentence.place(*match.span()), gap.value, goal, treaty, named is None)


def _gap(
    reading: Reading, span: tuple[int, int], says: int, goal: int, treaty: str | None, assumed: bool
) -> None:
    treaties = [treaty] if treaty else list(INSTRUMENTS)
    values = {key: max(goal - reading.ledger.value(key, "joined", reading.on), 0)
              for key in treaties}  # fmt: skip
    key = next((key for key, value in values.items() if value == says), treaties[-1])
    joined = reading.ledger.value(key, "joined", reading.on)
    message = _(
        "%(treaty)s, %(day)s: %(joined)s States Parties (joined by deposit), so %(gap)s are "
        "missing to %(goal)s.",
        treaty=short(key), day=day(reading.on), joined=joined, gap=values[key], goal=goal,
    )  # fmt: skip
    if assumed:
        message += " " + _("The sentence names no goal; %(goal)s is taken.", goal=goal)
    reading.add(
        "gap", span, says=says, ledger=values[key],
        verdict=Verdict.RIGHT if values[key] == says else Verdict.WRONG,
        message=message, treaty=key, source=reading.ledger.source,
    )  # fmt: skip


def _mixed(reading: Reading, sentence: Sentence, endorsed: tuple[int, Number] | None) -> None:
    """States that signed or joined, measured against a goal of States Parties."""
    if match := MIXED.search(sentence.shape):
        counted, goal = numbers(sentence, match, "cg")
        span = sentence.place(*match.span())
    elif (match := SHORT_OF.search(sentence.shape)) and endorsed:
        if endorsed[0] != sentence.paragraph or f"{SP} (?:is|are|fall)" in sentence.shape:
            return
        counted, goal = endorsed[1], sentence.numbers[_index(match["g"])]
        span = sentence.place(*match.span())
    else:
        return
    treaty = reading.treaty(sentence, goal.start) or "CCM"
    joined = reading.ledger.value(treaty, "joined", reading.on)
    both = reading.ledger.value(treaty, "endorsed", reading.on)
    if counted.value == joined or abs(counted.value - both) > 15:
        return
    reading.taken.add(goal.start)
    reading.add(
        "mixed", span, says=counted.value, ledger=joined, verdict=Verdict.WRONG,
        message=_(
            "This compares unlike counts. %(counted)s is of those that signed or joined "
            "(%(both)s on %(day)s); the goal of %(goal)s counts States Parties alone: %(joined)s "
            "had joined, %(gap)s short.",
            counted=counted.value, both=both, day=day(reading.on), goal=goal.value, joined=joined,
            gap=max(goal.value - joined, 0),
        ),
        treaty=treaty, source=reading.ledger.source,
    )  # fmt: skip
