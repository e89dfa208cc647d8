"""Finds what a text says of single states and of the treaties themselves: the n-th State Party,
days of signature, deposit and entry into force, deadlines."""

import re
from collections.abc import Sequence
from datetime import date

from flask_babel import gettext as _

from crm.treaties.claims.dates import MONTHS
from crm.treaties.claims.patterns import ABOUT_TREATY, BOUNDARY
from crm.treaties.claims.reading import Reading, Verdict, day, listed, short
from crm.treaties.claims.text import Sentence
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.rules import Standing, Status

#: (start, end, alpha-3) of a state in a sentence's shape.
Named = tuple[int, int, str]

_NTH = re.compile(
    r"\{(?P<k>[0-9]+)\} (?:states? part(?:y|ies)|part(?:y|ies) to|"
    r"(?:country|state|nation|government|member)(?: in the world)? to "
    r"(?:join|ratify|accede|become|adhere|be))(?![^ ])"
)
_IN_FORCE = re.compile(
    r"(?:enter\w*|came|comes?|coming|goes|went) into (?:force|effect)|entry into force|"
    r"takes? effect|took effect|entered in force"
)
_STEPS = (
    ("signature", re.compile(r"(?:signed|signs)(?= )")),
    (
        "deposit",
        re.compile(
            r"(?:ratified|acceded|joined|ratifies|accedes|joins|adhered)(?= )|"
            r"deposit(?:ed|s)?(?= .{0,40}(?:instrument|ratification|accession|acceptance|approval))"
        ),
    ),
    ("became", re.compile(r"became (?:the \{[0-9]+\} |a |an )?(?:states? part(?:y|ies)|party to)")),
    ("withdrawal", re.compile(r"(?:withdrew|withdrawn|withdraws|withdrawal|left)(?= )")),
)
_TREATY_DAYS = (
    ("adopted", re.compile(r"(?:was |were )?adopted(?= )")),
    ("opened", re.compile(r"open(?:ed|s|ing)? for signature")),
)
_WHEN = re.compile(r"(?:@(?P<date>[0-9]+)@|~(?P<year>[0-9]{4})~)")
_STATUS = re.compile(
    r" (?:(?:has|have) (?:now |already |also )?(?P<done>joined|ratified|acceded)|"
    r"(?:has|have) (?:(?P<not>not|never)(?: yet)? |still not )(?P<verb>joined|ratified|acceded|"
    r"signed)|(?:is|are|remains) (?:now |also |still )?(?P<neg>not )?(?:yet )?(?:a |an )?"
    r"(?P<noun>states? part(?:y|ies)|party to|signatory|non-signatory|states? not party|outside))"
    r"(?![^ ])"
)
_YEARS = re.compile(
    r"(?:within|in|after|of|deadline :?) <(?P<n>[0-9]+)> years|<(?P<m>[0-9]+)> years (?:after|from|"
    r"to|of|following)|(?P<word>four|eight|ten|six|five|seven|three|two)-year"
)
_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10}
_DUTY = re.compile(
    r"\b(?:must|shall|required?|requires|obliged|obligat\w+|have to|has to|need to|needs to|"
    r"deadlines?|commits?|committed|undertakes?|agree\w*|upon|on joining|to destroy|to clear|"
    r"destroy|clear|bound|promise\w*|parties)\b"
)
_STOCKS = re.compile(r"\bstockpil\w*|\bstocks?\b")
_GROUND = re.compile(r"\bclear\w*|\bmined areas?\b|\bcontaminat\w*|\bdemin\w*")


def find(reading: Reading) -> None:
    """Look for them, sentence by sentence."""
    for sentence in reading.sentences:
        states = [
            (sentence.shape_at(start), sentence.shape_at(max(end - 1, start)), code)
            for start, end, code in reading.names.find(reading.text, sentence.start, sentence.end)
        ]
        _nth(reading, sentence, states)
        _entries(reading, sentence, states)
        _steps(reading, sentence, states)
        _treaty_days(reading, sentence)
        _statuses(reading, sentence, states)
        _deadlines(reading, sentence)


def _name(reading: Reading, code: str) -> str:
    return reading.ledger.states.get(code, code)


# The n-th


def _nth(reading: Reading, sentence: Sentence, states: Sequence[Named]) -> None:
    for match in _NTH.finditer(sentence.shape):
        ordinal = sentence.ordinals[int(match["k"])]
        treaty = reading.treaty(sentence, ordinal.start)
        span = sentence.place(*match.span())
        if treaty is None:
            continue
        rows = reading.ledger.standings(treaty, max(reading.on, date.max))
        whose = sorted(
            (row for row in rows.values() if row.number is not None and row.consented_on),
            key=lambda row: row.number or 0,
        )
        truth = next((row for row in whose if row.number == ordinal.value), None)
        state = _nearest(states, match.start())
        known = rows.get(state) if state else None
        since = truth.consented_on if truth else None
        if truth is None or since is None:
            message = _("%(treaty)s: there has been no State Party number %(number)s.",
                        treaty=short(treaty), number=ordinal.value)  # fmt: skip
            verdict = Verdict.WRONG
        else:
            message = _(
                "%(treaty)s: number %(number)s by deposit was %(state)s, on %(day)s.",
                treaty=short(treaty), number=ordinal.value, state=_name(reading, truth.state),
                day=day(since),
            )  # fmt: skip
            verdict = Verdict.CANNOT_TELL
            if known is not None:
                # Those of one day have no order among them.
                alike = [row.number for row in whose if row.consented_on == known.consented_on]
                verdict = Verdict.RIGHT if ordinal.value in alike else Verdict.WRONG
                if verdict is Verdict.WRONG and known.number:
                    message += " " + _("%(state)s was number %(number)s.",
                                       state=_name(reading, known.state),
                                       number=known.number)  # fmt: skip
            if since > reading.on:
                message += " " + _("That was after %(day)s.", day=day(reading.on))
                verdict = Verdict.WRONG
        reading.add(
            "nth", span, says=ordinal.value,
            ledger=_name(reading, truth.state) if truth else None, verdict=verdict,
            message=message, treaty=treaty, source=reading.ledger.source,
        )  # fmt: skip


def _nearest(
    states: Sequence[Named], place: int, *, before: int = 200, after: int = 80
) -> str | None:
    """The state named next to a place of the shape, one before it preferred."""
    earlier = [(place - end, code) for _start, end, code in states if 0 <= place - end <= before]
    later = [(start - place, code) for start, _end, code in states if 0 < start - place <= after]
    return min(earlier)[1] if earlier else min(later)[1] if later else None


# Days


def _when(
    reading: Reading, sentence: Sentence, start: int, end: int
) -> tuple[tuple[int, int], int | None, int | None, int | None] | None:
    """The day written next to a part of the shape: its place, year, month and day."""
    shape = sentence.shape
    after = _WHEN.search(shape, end, min(end + 140, len(shape)))
    if after and re.search(
        r"[;]| and (?:the|it|will|has|was|is|in) | which | takes | to take ",
        shape[end : after.start()],
    ):
        after = None
    found = after
    if found is None:
        earlier = list(_WHEN.finditer(shape, max(start - 90, 0), start))
        found = earlier[-1] if earlier else None
    if found is None:
        return None
    if found["year"]:
        return found.span(), int(found["year"]), None, None
    written = reading.dates[int(found["date"])]
    return found.span(), written.year, written.month, written.day


def _fits(on: date | None, year: int | None, month: int | None, number: int | None) -> bool:
    return on is not None and (
        (year is None or on.year == year)
        and (month is None or on.month == month)
        and (number is None or on.day == number)
    )


def _said(year: int | None, month: int | None, number: int | None) -> str:
    if month is None or number is None:
        return str(year)
    if year is None:
        return f"{number} {MONTHS[month - 1].capitalize()}"
    return date(year, month, number).isoformat()


def _add_day(
    reading: Reading, sentence: Sentence, kind: str, shape_span: tuple[int, int],
    when: tuple[tuple[int, int], int | None, int | None, int | None], treaty: str,
    truths: Sequence[tuple[str, date | None]],
) -> None:  # fmt: skip
    """Note a day said of something that has these true days, each with its words."""
    place, year, month, number = when
    if month is not None and number is not None and year is not None:
        try:
            date(year, month, number)
        except ValueError:
            return
    span = sentence.place(min(shape_span[0], place[0]), max(shape_span[1], place[1]))
    hit = next((pair for pair in truths if _fits(pair[1], year, month, number)), None)
    known = [pair for pair in truths if pair[1] is not None]
    if hit:
        verdict, shown = Verdict.RIGHT, [hit]
    elif known:
        verdict, shown = Verdict.WRONG, known
    else:
        return
    reading.add(
        kind, span, says=_said(year, month, number),
        ledger=shown[0][1].isoformat() if shown[0][1] else None, verdict=verdict,
        message="; ".join(f"{words}: {day(on)}" for words, on in shown if on) + ".",
        treaty=treaty, source=reading.ledger.source,
    )  # fmt: skip


def _entries(reading: Reading, sentence: Sentence, states: Sequence[Named]) -> None:
    for match in _IN_FORCE.finditer(sentence.shape):
        when = _when(reading, sentence, *match.span())
        if when is None:
            continue
        place = sentence.place(*match.span())[0]
        treaty = reading.treaty(sentence, place)
        if treaty is None:
            continue
        rows = reading.ledger.standings(treaty, date.max)
        general = (_("%(treaty)s: entry into force", treaty=short(treaty)),
                   INSTRUMENTS[treaty].in_force_on)  # fmt: skip
        state = _for_state(sentence, states, match.end())
        candidates = [state] if state else [code for _s, _e, code in states]
        truths = [
            (
                _("%(treaty)s: entry into force for %(state)s", treaty=short(treaty),
                  state=_name(reading, code)),
                rows[code].in_force_on,
            )
            for code in dict.fromkeys(candidates)
            if code in rows
        ]  # fmt: skip
        is_effect = "effect" in match[0]
        if is_effect and "withdraw" in sentence.shape:
            truths = [
                (
                    _("%(treaty)s: withdrawal of %(state)s takes effect", treaty=short(treaty),
                      state=_name(reading, code)),
                    rows[code].withdrawn_on,
                )
                for code in dict.fromkeys(candidates)
                if code in rows
            ]  # fmt: skip
        elif not state and (reading.treaties.any and not is_effect):
            truths.append(general)
        if truths:
            kind = (
                "withdrawal" if "withdraw" in sentence.shape and is_effect else "entry_into_force"
            )
            _add_day(reading, sentence, kind, match.span(), when, treaty, truths)


def _for_state(sentence: Sentence, states: Sequence[Named], end: int) -> str | None:
    found = re.compile(r" for (?:the )?").match(sentence.shape, end)
    if found is None:
        return None
    return next((code for start, _e, code in states if abs(start - found.end()) <= 4), None)


def _steps(reading: Reading, sentence: Sentence, states: Sequence[Named]) -> None:
    if not states or not reading.treaties.any:
        return
    for kind, pattern in _STEPS:
        for match in pattern.finditer(sentence.shape):
            earlier = [each for each in states if each[1] < match.start() <= each[1] + 100]
            later = [each for each in states if match.end() <= each[0] <= match.end() + 30]
            subjects = {code for _s, _e, code in earlier} or {code for _s, _e, code in later}
            when = _when(reading, sentence, *match.span())
            if len(subjects) != 1 or when is None:
                continue
            after = sentence.shape[match.end() : match.end() + 120]
            if re.match(r"^(?: [a-z]+){0,5}? (?:takes?|took) effect", after) or (
                kind == "deposit" and re.match(r"^(?: [a-z]+){0,4} withdrawal", after)
            ):
                continue
            if kind in ("signature", "deposit") and not (
                ABOUT_TREATY.match(after)
                or BOUNDARY.match(after)
                or re.match(r"^ (?:its|an|the|their) instruments?", after)
                or re.match(r"^ (?:on|in) [@~]", after)
            ):
                continue
            treaty = reading.treaty(sentence, sentence.place(*match.span())[0])
            if treaty is None:
                continue
            code = subjects.pop()
            row = reading.ledger.standings(treaty, date.max).get(code)
            if row is not None:
                truths = _days_of(reading, kind, treaty, row)
                _add_day(reading, sentence, kind, match.span(), when, treaty, truths)


def _days_of(
    reading: Reading, kind: str, treaty: str, row: Standing
) -> list[tuple[str, date | None]]:
    name, of = _name(reading, row.state), short(treaty)
    consent = (
        _("%(treaty)s: deposit of %(state)s", treaty=of, state=name),
        row.consented_on if row.day_known else None,
    )
    in_force = (
        _("%(treaty)s: entry into force for %(state)s", treaty=of, state=name), row.in_force_on
    )  # fmt: skip
    signed = (_("%(treaty)s: signature of %(state)s", treaty=of, state=name), row.signed_on)
    if kind == "signature":
        return [signed]
    if kind == "withdrawal":
        return [
            (_("%(treaty)s: %(state)s deposited its withdrawal", treaty=of, state=name),
             row.withdrawal_deposited_on),
            (_("%(treaty)s: withdrawal of %(state)s takes effect", treaty=of, state=name),
             row.withdrawn_on),
        ]  # fmt: skip
    return [consent, in_force] if kind == "became" else [consent]


def _treaty_days(reading: Reading, sentence: Sentence) -> None:
    for kind, pattern in _TREATY_DAYS:
        for match in pattern.finditer(sentence.shape):
            when = _when(reading, sentence, *match.span())
            is_named = reading.treaties.named_in(sentence.start, sentence.end)
            if when is None or (kind == "adopted" and not is_named):
                continue
            if kind == "adopted" and re.search(
                r"\b(?:plan|declaration|resolution|law|report|legislation|policy|programme)\b",
                sentence.shape,
            ):
                continue
            treaty = reading.treaty(sentence, sentence.place(*match.span())[0])
            if treaty is None:
                continue
            law = INSTRUMENTS[treaty]
            truth = (
                (_("%(treaty)s: adopted", treaty=short(treaty)), law.adopted_on)
                if kind == "adopted"
                else (_("%(treaty)s: opened for signature", treaty=short(treaty)), law.opened_on)
            )
            _add_day(reading, sentence, kind, match.span(), when, treaty, [truth])


# Where a state stands


def _statuses(reading: Reading, sentence: Sentence, states: Sequence[Named]) -> None:
    for start, end, code in states:
        token_end = sentence.shape.find(" ", end)
        if token_end < 0:
            continue
        match = _STATUS.match(sentence.shape, token_end)
        if match is None:
            continue
        treaty = reading.treaty(sentence, sentence.place(start, match.end())[0])
        after = sentence.shape[match.end() : match.end() + 100]
        if treaty is None or not (ABOUT_TREATY.match(after) or BOUNDARY.match(after)):
            continue
        row = reading.ledger.standings(treaty, reading.on).get(code)
        if row is not None:
            _status(reading, sentence, (start, match.end()), match, treaty, row)


def _status(
    reading: Reading, sentence: Sentence, span: tuple[int, int], match: re.Match[str],
    treaty: str, row: Standing,
) -> None:  # fmt: skip
    is_party = row.status is Status.PARTY
    if match["done"]:
        fits = is_party
    elif match["verb"] == "signed":
        fits = row.signed_on is None
    elif match["verb"]:
        fits = not is_party
    elif match["noun"] in ("signatory", "non-signatory"):
        is_signatory = row.status is Status.SIGNATORY
        wants = (match["noun"] == "signatory") != bool(match["neg"])
        fits = is_signatory == wants if match["noun"] == "signatory" else not row.signed_on
    else:
        negative = bool(match["neg"]) or "not" in match["noun"] or match["noun"] == "outside"
        fits = is_party != negative
    words = {
        Status.PARTY: _("a State Party (joined by deposit)"),
        Status.SIGNATORY: _("a signatory that has not joined"),
        Status.WITHDRAWN: _("a state that withdrew"),
        Status.OUTSIDE: _("a state that neither signed nor joined"),
    }[row.status]
    days = [
        f"{label} {day(on)}"
        for label, on in (
            (_("signed"), row.signed_on),
            (_("joined"), row.consented_on if row.day_known else None),
            (_("withdrawn"), row.withdrawn_on),
        )
        if on
    ]
    start, end = sentence.place(*span)
    reading.add(
        "status", (start, end), says=" ".join(reading.text[start:end].split()),
        ledger=row.status.value,
        verdict=Verdict.RIGHT if fits else Verdict.WRONG,
        message=_("%(treaty)s, %(day)s: %(state)s is %(status)s.", treaty=short(treaty),
                  day=day(reading.on), state=_name(reading, row.state), status=words)
        + (f" ({listed(days)})" if days else ""),
        treaty=treaty, source=reading.ledger.source,
    )  # fmt: skip


# Deadlines


def _deadlines(reading: Reading, sentence: Sentence) -> None:
    shape = sentence.shape
    if not _DUTY.search(shape):
        return
    position = 0
    for match in _YEARS.finditer(shape):
        written = match["n"] or match["m"]
        says = sentence.numbers[int(written)].value if written else _WORDS[match["word"]]
        around = shape[max(position, match.start() - 160) : match.start()]
        position = match.end()
        what = _what(around, shape[match.end() : match.end() + 60])
        treaty = reading.treaty(sentence, sentence.place(*match.span())[0])
        if what is None or treaty is None or says > 30 or re.search(
            r"exten\w+|request", around
        ):  # fmt: skip
            continue
        law = next(
            each for each in INSTRUMENTS[treaty].deadlines
            if (each.years != 10) == (what == "stocks")
        )  # fmt: skip
        fits = law.years == says
        message = _("%(treaty)s, article %(article)s: %(label)s within %(years)s years.",
                    treaty=short(treaty), article=law.article, label=law.label,
                    years=law.years)  # fmt: skip
        other = next((key for key in INSTRUMENTS if key != treaty), treaty)
        if not fits and any(each.years == says for each in INSTRUMENTS[other].deadlines):
            message += " " + _("%(years)s years is the deadline of the %(treaty)s.",
                               years=says, treaty=short(other))  # fmt: skip
        reading.add(
            "deadline", sentence.place(*match.span()), says=says, ledger=law.years,
            verdict=Verdict.RIGHT if fits else Verdict.WRONG, message=message, treaty=treaty,
            source=_("text of the treaty"),
        )  # fmt: skip


def _what(before: str, after: str) -> str | None:
    stocks = [each.start() for each in _STOCKS.finditer(before)]
    ground = [each.start() for each in _GROUND.finditer(before)]
    if stocks or ground:
        return "stocks" if (stocks or [-1])[-1] > (ground or [-1])[-1] else "ground"
    if _STOCKS.search(after):
        return "stocks"
    return "ground" if _GROUND.search(after) else None
