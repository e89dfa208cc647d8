"""Finds what part of all states a text says have joined: in percent, as a fraction, out of 197."""

import re

from flask_babel import gettext as _

from crm.treaties.claims.counts import day_of, numbers
from crm.treaties.claims.patterns import COMPARED, COUNTRY, G, X
from crm.treaties.claims.reading import Reading, Verdict, day, metric_words, short
from crm.treaties.claims.text import Sentence

_PERCENT = re.compile(
    rf"{X} (?:percent|per cent|%)(?: [a-z']+){{0,5}}? "
    r"(?:countries|states|nations|governments|world)"
)
_FRACTIONS = {
    "three-quarters": 75, "three quarters": 75, "three-fourths": 75, "two-thirds": 67,
    "two thirds": 67, "four-fifths": 80, "four fifths": 80, "half": 50,
}  # fmt: skip
_FRACTION = re.compile(
    rf"(?P<f>{'|'.join(_FRACTIONS)}) of (?:all |the )?(?:the )?(?:world's |un )?"
    r"(?:member )?(?:countries|states|nations|world)"
)
_OUT_OF = re.compile(
    rf"{X} (?:{COUNTRY} )?(?:out of|of)(?: the| all| a total of)*(?: world's)? {G}"
    rf"(?: (?:un|member|world))* (?:countries|states|nations)(?! part)"
)
_TREATY_WORDS = re.compile(
    r"\b(?:part(?:y|ies)|joined|ratified|acceded|members?|banned|signed|endorsed|treaty|convention)\b"
)


def find(reading: Reading) -> None:
    """Look for them, sentence by sentence; counts have been looked for before."""
    for sentence in reading.sentences:
        _percent(reading, sentence)
        _out_of(reading, sentence)


def _percent(reading: Reading, sentence: Sentence) -> None:
    if not _TREATY_WORDS.search(sentence.shape) or not reading.treaties.any:
        return
    for match in _PERCENT.finditer(sentence.shape):
        number = numbers(sentence, match, "n")[0]
        if number.start not in reading.taken and number.value <= 100:
            reading.taken.add(number.start)
            _share(reading, sentence, match, number.value, match.start("n"))
    for match in _FRACTION.finditer(sentence.shape):
        _share(reading, sentence, match, _FRACTIONS[match["f"]], match.start("f"))


def _share(reading: Reading, sentence: Sentence, match: re.Match[str], says: int, at: int) -> None:
    treaty = reading.treaty(sentence, sentence.place(*match.span())[0])
    if treaty is None:
        return
    on, _year = day_of(reading, sentence, match)
    metric = "endorsed" if re.search(r"endorsed|signed|on board", sentence.shape) else "joined"
    if re.search(r"\bnot\b|n't\b|outside|yet to", sentence.shape):
        metric = "not_party"
    counts = reading.ledger.counts(treaty, on)
    share = 100 * reading.ledger.value(treaty, metric, on) / max(counts.states, 1)
    compared = COMPARED.search(sentence.shape[max(at - 40, 0) : at])
    word = compared["word"] if compared else ""
    if word in ("more than", "over", "at least", "upwards of"):
        fits = says <= share <= says + 12
    elif word in ("nearly", "almost", "close to", "up to", "fewer than", "less than", "under"):
        fits = says - 7 <= share <= says
    elif word or match.groupdict().get("f"):
        fits = abs(says - share) <= 4
    else:
        fits = abs(says - share) <= 1
    reading.add(
        "share", sentence.place(*match.span()), says=says, ledger=round(share, 1),
        verdict=Verdict.RIGHT if fits else Verdict.WRONG,
        message=_("%(treaty)s, %(day)s: %(value)s %(what)s, which is %(share)s percent of "
                  "%(states)s states.",
                  treaty=short(treaty), day=day(on), states=counts.states, share=round(share, 1),
                  value=reading.ledger.value(treaty, metric, on), what=metric_words(metric)),
        treaty=treaty, source=reading.ledger.source,
    )  # fmt: skip


def _out_of(reading: Reading, sentence: Sentence) -> None:
    if not _TREATY_WORDS.search(sentence.shape) or not reading.treaties.any:
        return
    for match in _OUT_OF.finditer(sentence.shape):
        part, whole = numbers(sentence, match, "ng")
        if {part.start, whole.start} & reading.taken or not 185 <= whole.value <= 200:
            continue
        treaty = reading.treaty(sentence, part.start)
        if treaty is None:
            continue
        on, _year = day_of(reading, sentence, match)
        negated = re.search(r"\bnot\b|n't\b|outside|yet to", sentence.shape)
        metrics = ("not_party", "outside") if negated else ("joined",)
        if re.search(r"endorsed|signed", sentence.shape) and not negated:
            metrics = ("endorsed", "signed")
        counts = reading.ledger.counts(treaty, on)
        truth = next(
            (value for each in metrics
             if (value := reading.ledger.value(treaty, each, on)) == part.value),
            reading.ledger.value(treaty, metrics[0], on),
        )  # fmt: skip
        reading.taken |= {part.start, whole.start}
        fits = truth == part.value and whole.value == counts.states
        message = _("%(treaty)s, %(day)s: %(value)s %(what)s of %(states)s states.",
                    treaty=short(treaty), day=day(on), value=truth, what=metric_words(metrics[0]),
                    states=counts.states)  # fmt: skip
        if whole.value != counts.states:
            message += " " + _(
                "The treaties are open to %(states)s states: 193 members of the United Nations, "
                "the Holy See, Palestine, the Cook Islands and Niue.", states=counts.states,
            )  # fmt: skip
        reading.add(
            "out_of", sentence.place(*match.span()), says=f"{part.value}/{whole.value}",
            ledger=f"{truth}/{counts.states}",
            verdict=Verdict.RIGHT if fits else Verdict.WRONG, message=message, treaty=treaty,
            source=reading.ledger.source,
        )  # fmt: skip
