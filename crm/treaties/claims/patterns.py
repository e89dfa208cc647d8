"""How texts say counts of states: the patterns the claim check looks for in a sentence's shape.

`<0>` is a number, `@0@` a date, `~2020~` a year (see `claim_text`). Gaps between words are bounded,
so that a long text takes no long time.
"""

import re
from dataclasses import dataclass

from crm.treaties.claims.dates import MONTHS

#: The goal of the CCM's Dubrovnik Action Plan, where a text names none.
GOAL = {"CCM": 130}
#: No count of states is larger.
MOST = 250

N = r"<[0-9]+>"
SP = r"states? part(?:y|ies)"
COUNTRY = (
    r"(?:(?:other|world|different|un|sovereign|member) ){0,2}"
    r"(?:countries|country|nations|nation|governments|states?(?! part(?:y|ies)\b))"
)
AUX = (
    r"(?:(?:that|which|who|have|has|had|having|are|were|is|now|already|since|so|far|to|date|"
    r"formally|also|currently|officially|today|,) ){0,5}"
)
NOT = (
    r"(?:(?:that|which|who|have|has|had|are|is|were|still|also|remain|remaining|in|the|world|"
    r"worldwide|globally|left|currently|,) ){0,6}"
    r"(?:not(?: yet)?|never|yet to|haven't|hasn't|failed to|refused to|declined to|still to)"
    r"(?: (?:yet|formally|even|been able to|to|be|become|a|chosen to))*"
)
JOIN = (
    r"(?:joined|join|acceded|accede|ratified|ratify|signed on|party|parties|states? part(?:y|ies)|"
    r"members?|on board|endorsed|adhered)"
)


def _number(name: str) -> str:
    return rf"(?P<{name}>{N})"


@dataclass(frozen=True)
class Pattern:
    """A way to say a count. `metrics` are the counts it may mean, the strictest first."""

    kind: str
    metrics: tuple[str, ...]
    shape: re.Pattern[str]
    #: What follows must be about a treaty, or the sentence's end.
    wants_object: bool = False


def _pattern(kind: str, metrics: str, shape: str, *, wants_object: bool = False) -> Pattern:
    compiled = re.compile(rf"(?<![^ ]){shape}(?![^ ])")
    return Pattern(kind, tuple(metrics.split()), compiled, wants_object)


_A, _B, _C, X, G = (_number(name) for name in "abcng")
#: `108 States Parties + 13 signatories = 121`, both ways round.
SUMS = tuple(
    re.compile(shape)
    for shape in (
        rf"{_A} {SP}(?: {N}){{0}} (?:and|plus|\+|&|,|with)(?: (?:another|a|further))* {_B}"
        rf"(?: [a-z]+)? signator(?:y|ies)(?: states)?(?: [^<. ]+){{0,8}}?"
        rf" (?:=|equals?|totals?|totall?ing|making|total of|altogether|to|or|i\.e\.|is|are) "
        rf"(?:[a-z]+ ){{0,3}}{_C}",
        rf"{_A} {SP} (?:and|plus|\+|&|,|with)(?: (?:another|a|further))* {_B}"
        rf"(?: [a-z]+)? signator(?:y|ies)(?: states)?(?: (?:,|;|–|—|-|so|that|thus|and))* "
        rf"{_C}(?: {COUNTRY})? (?:in all|in total|all in all|all told|altogether|together)(?![^ ])",
        rf"{_C}(?: {COUNTRY})?(?: [^<. ]+){{0,12}}? (?:=|\(|:|-|–|—|,|includ\w+|being|namely) "
        rf"(?:[a-z]+ )?{_A} {SP} (?:and|plus|\+|&|,|with)(?: (?:another|a|further))* {_B}"
        rf"(?: [a-z]+)? signator(?:y|ies)",
    )
)
REACH = r"(?:reach|reaching|meet|hit|attain|achieve|achieving|get to|make|arrive at|fulfil|fulfill)"
GAPS = tuple(
    re.compile(shape)
    for shape in (
        rf"(?:another|further|additional|remaining|extra) {X}(?: [^<.! ]+){{0,12}}? {REACH}"
        rf"(?: [^<.! ]+){{0,8}}? {G}",
        rf"{X} (?:more|additional|further|new|other|extra)(?: [^<.! ]+){{0,12}}? {REACH}"
        rf"(?: [^<.! ]+){{0,8}}? {G}",
        rf"{X}(?: {COUNTRY}| {SP})? (?:short|away|shy) (?:of|from)(?: [^<.! ]+){{0,8}}? {G}",
        rf"{REACH}(?: [^<.! ]+){{0,5}}? {G}(?: [^<.! ]+){{0,14}}? (?:another|further|need\w*|"
        rf"requires?|lacks?|missing)(?: [a-z]+){{0,3}}? {X}",
        rf"(?:gap|shortfall) (?:of|is|:) (?:only |still |just )?{X}",
        rf"(?:another|further) {X}(?: {COUNTRY}| {SP}| ratifications| accessions)?"
        rf" (?:are |is |were )?(?:needed|to go|missing|required)",
        rf"{X}(?: {COUNTRY}| {SP})? (?:short|away|shy) (?:of|from) (?:the|our|its|their|this) "
        rf"(?:[a-z]+ )?(?:goal|target|aim)",
    )
)
#: A number that is wanted, not claimed.
GOALS = tuple(
    re.compile(shape)
    for shape in (
        rf"(?:{REACH}|goal|goals|target|aim|aims|aiming|aimed|objective|short|towards?|away|"
        rf"achieved?|ambition|hope|want|wants|need|needs|needed|requires?|required|beyond)"
        rf"(?: (?:of|is|was|for|the|our|a|at|least|from|to|set|by|have|having|see|states?|"
        rf"parties|total|number|that|=|:|,|with|minimum|its|reach|get|be)){{0,6}} {G}",
        rf"{G} {SP} (?:by|before|in time) (?:[a-z]+ ){{0,4}}[~@]",
        rf"{G} (?:{SP}|{COUNTRY}|ratifications|accessions|instruments)(?: [a-z]+){{0,3}}"
        rf" (?:needed|required|necessary)",
        rf"{G} (?:{SP}|parties) (?:goal|target|objective|mark|milestone)",
    )
)
MIXED = re.compile(rf"{_C} {COUNTRY}(?: [^<! ]+){{0,40}}? short of (?:[a-z]+ ){{0,6}}?{G} {SP}")
SHORT_OF = re.compile(rf"short of (?:[a-z]+ ){{0,6}}?{G} {SP}")

NAMES = r"(?:convention|treaty|ccm|mbt|apmbc|it|munitions|ban)"
PATTERNS = (
    _pattern("not_joined", "not_party outside",
             rf"{X} {COUNTRY} {NOT} {JOIN}", wants_object=True),
    _pattern("not_joined", "outside not_party",
             rf"{X} {COUNTRY} {NOT} (?:signed|sign)", wants_object=True),
    _pattern("not_joined", "not_party outside",
             rf"{X} (?:{COUNTRY} )?(?:(?:that|which|who|still|are|is|remain|remained|remains|"
             rf"remaining|stand|stay|staying|standing|currently) ){{0,4}}outside",
             wants_object=True),
    _pattern("not_joined", "not_party outside",
             rf"{X} (?:{COUNTRY} )?(?:(?:that|which|who|still|are|is|remain|remained|remaining|"
             rf"currently) ){{0,4}}(?:not|non) (?:yet )?(?:a )?part(?:y|ies)"),
    _pattern("not_joined", "not_party outside",
             rf"(?:states|countries) (?:not (?:yet )?party|outside)"
             rf"(?: (?:to|of|the|convention|treaty|ban|now|number|is|are|:|\(|=|currently)){{0,7}}"
             rf" {X}"),
    _pattern("not_joined", "outside not_party",
             rf"{X} (?:remaining |other )?(?:non-signatory|non-signatories|non-parties|non-party|"
             rf"non-members|holdouts?|hold-outs?)(?: states| countries)?"),
    _pattern("signatories", "signatories",
             rf"{X} (?:{COUNTRY} )?{AUX}signed,? (?:(?:it|the|treaty|convention|ccm) ){{0,3}}"
             rf"(?:, )?but (?:(?:have|has|are|still|,) )*(?:not|yet|never)(?: yet)?"
             rf"(?: (?:to|been|formally))* (?:ratified|ratify|joined|join)"),
    _pattern("signatories", "signatories signed",
             rf"{X} (?:(?:remaining|other|further|additional|more|of the|current|are|were) )?"
             rf"signator(?:y|ies)(?: states| countries)?"),
    _pattern("signatories", "signatories signed",
             rf"(?:number of )?signatories (?:(?:is|are|stands|stood|at|:|\(|=|now|currently) )"
             rf"{{1,3}}{X}"),
    _pattern("endorsed", "endorsed",
             rf"{X} {COUNTRY} {AUX}(?:endorsed|embraced|signed (?:or|and / or|and or) "
             rf"(?:joined|ratified|acceded)|joined or signed|ratified or signed|signed up)",
             wants_object=True),
    _pattern("endorsed", "endorsed",
             rf"{X} (?:{COUNTRY} )?{AUX}on board"),
    _pattern("endorsed", "endorsed joined",
             rf"(?:endorsed|banned|prohibited|outlawed|embraced|supported) by (?:(?:the|some|all|"
             rf"over|more than|at least|about|nearly|almost|a total of|now) ){{0,2}}{X} {COUNTRY}"),
    _pattern("joined", "joined",
             rf"(?:joined|ratified) by (?:(?:the|some|over|more than|at least|about|nearly|almost|"
             rf"a total of|now) ){{0,2}}{X} {COUNTRY}"),
    _pattern("joined", "joined",
             rf"{X} {COUNTRY} {AUX}signed and (?:ratified|joined)", wants_object=True),
    _pattern("in_force", "in_force",
             rf"in(?:to)? force (?:for|in) (?:(?:the|all|now|some|only) )?{X} (?:{SP}|{COUNTRY})"),
    _pattern("joined", "joined",
             rf"{X} {COUNTRY} {AUX}(?:joined|ratified(?: or acceded(?: to)?)?|acceded|adhered|"
             rf"ratified (?:/|and) acceded)", wants_object=True),
    _pattern("joined", "joined",
             rf"{X} {COUNTRY} {AUX}(?:states? )?(?:a )?part(?:y|ies)(?: states?)?(?: to)?"),
    _pattern("joined", "joined",
             rf"{X} {COUNTRY} {AUX}(?:become |became )?(?:{SP}|full members|members of the "
             rf"(?:convention|treaty))"),
    _pattern("joined", "joined",
             rf"{X} (?:(?:are|is|were|of them|now|full) ){{1,3}}{SP}"),
    _pattern("joined", "joined",
             rf"{X} (?:of them )?(?:have|had) (?:(?:now|since|also|already|formally|so|"
             rf"far) ){{0,3}}"
             rf"(?:joined|ratified|acceded)", wants_object=True),
    _pattern("signed", "signed endorsed",
             rf"{X} {COUNTRY} {AUX}signed", wants_object=True),
    _pattern("signed", "signed endorsed", rf"signed by (?:[a-z]+ ){{0,2}}{X} {COUNTRY}"),
    _pattern("joined", "joined",
             rf"{X} (?:(?:current|total|member|of the|full|official) )?(?:current )?{SP}"),
    _pattern("joined", "joined",
             rf"(?:number of )?{SP}(?: to(?: [a-z-]+){{1,6}}?)?(?: (?:(?:now|currently|has|"
             rf"have|had) )*(?:is|are|to|stands?|stood|at|:|\(|=|total|totals|totall?ed|reached|"
             rf"reaches|rose|risen|grew|grown|number|numbers|numbered|now|currently)){{1,4}} {X}"),
    _pattern("joined", "joined",
             rf"{NAMES} (?:now |currently |already |today |thus |)(?:has|counts|had|numbers) "
             rf"(?:(?:now|some|only|just|over|more than|at least|a total of|about|nearly|almost) )"
             rf"{{0,2}}{X} (?:parties|members|member states|member countries)"),
)  # fmt: skip

COMPARED = re.compile(
    r"(?P<word>more than|over|at least|upwards of|nearly|almost|close to|about|around|some|"
    r"approximately|roughly|fewer than|less than|under|up to)(?: the| a total of)? $"
)
#: What makes a number of States Parties a part of them, before and after.
PART_BEFORE = re.compile(
    r"(?:article|articles|art|section|paragraph|page|no|protocol|item|chapter|resolution|"
    r"\$|€|£|another|further|additional) $"
)
#: Of them, those after which there can be signatories and such.
MORE = frozenset({"another", "further", "additional"})
PART_AFTER = re.compile(
    r"(?: \([^)]{0,40}\))?(?: (?:states|countries|also|still|have|had|has|already|since|now|were|"
    r"are|then|successfully|did|do|each|,)){0,4}"
    r" (?:destroyed|destroy|complet\w+|submitt\w+|submit|request\w*|report\w*|attend\w*|"
    r"participat\w*|declar\w*|retain\w*|provid\w*|contaminat\w*|contain\w*|fail\w*|miss\w*|"
    r"adopted|enact\w*|clear\w*|met|stockpil\w*|affected|conduct\w*|spoke|took|made|announc\w*|"
    r"contribut\w*|remain contaminated|present\w*|express\w*|voted|abstain\w*|produc\w*|"
    r"used)(?![^ ])"
)
#: Of States Parties alone: what narrows them.
NARROWED = re.compile(
    r" (?:whose|under|that|which|who|with|within|from|in (?!force|total|all|the world)|"
    r"at the (?:meeting|conference)|to (?:have )?(?:complete|destroy|declare|clear)|mine-free|"
    r"free of|without|missing|late|overdue)(?![^ ])"
)
NOUN = re.compile(r"(?:states? part(?:y|ies)|signatory|signatories|states|countries)$")
WHOLE_BEFORE = re.compile(
    r"(?:all|there are|there were|there are now|total of|now has|currently has|as of|stands at|"
    r"reached|with its|the world's|bringing) $"
)
_MONTHS = "|".join(MONTHS)
#: A day, month or year named with a count.
NAMED_DAY = re.compile(
    r"(?:(?P<as_of>as of|as at)|on|in|by|until|during|at the end of|by the end of|end of|back in)"
    rf" (?:(?:early|late|mid|the) )?(?:@(?P<date>[0-9]+)@|(?:(?P<month>{_MONTHS}) )?"
    r"~(?P<year>[0-9]{4})~)"
)
#: Words before a day that is of something else than a count.
OTHER_DAY = re.compile(
    r"(?:adopted|opened|entered|force|concluded|negotiated|signature|created|founded|established|"
    r"began|launched|since|held|met|conference|meeting)(?: [a-z]+){0,4} $"
)
#: Words of a count that is of the text's own day.
PRESENT = re.compile(r" (?:have|has|are|is|now|today|currently|remain|remains|to date|so far) ")
ABOUT_TREATY = re.compile(
    r"^(?: (?:to|the|this|that|our|both|of|up|international|global|historic|landmark|either|their|"
    r"new|same|on|onto|into|worldwide|\(|anti-personnel|it|them|~[0-9]+~|outright|comprehensive|"
    r"life-saving|humanitarian))*"
    r" (?:treaty|treaties|convention|conventions|ban|mine|mines|landmine|cluster|mbt|ccm|ottawa|"
    r"oslo|apmbc|agreement|instrument|accord)(?![^ ])"
)
BOUNDARY = re.compile(
    r"^(?: (?:it|them|yet|so far|to date|already|the club|up|in))?(?: [.,;:)!?=+–—-]| and | or "
    r"| but"
    r" | since | by | as | while | with | though | in [~@]| on @|$)"
)
