"""How a target is addressed: first line of the address, salutation and closing. Pure.

From what the target is (kind, office, body, country) follows a rank; each language says how one of
that rank is addressed, by gender where the language has two forms. Where the gender is not known
nothing is guessed: a form is taken that fits everybody. Languages without forms of their own are
addressed in English. What somebody set for a target stands before all this (`AddressForm`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from crm.core.text import fold

#: Languages with forms of their own.
LANGUAGES = ("en", "fr", "es")


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """What is known of a target, and of what it holds now."""

    kind: str
    name: str
    family_name: str | None = None
    gender: str | None = None
    #: ISO 3166-1 alpha-2.
    country: str | None = None
    #: `Senator`, `Ambassador`, `Minister of Foreign Affairs`; None holds nothing.
    role: str | None = None
    #: `U.S. Senator for West Virginia (class 2)`; of an office entered by hand, the role again.
    office: str | None = None
    body_key: str | None = None
    body: str | None = None
    #: How a letter begins in English, as a source or a person said: `Senator Alpha`.
    salutation: str | None = None


@dataclass(frozen=True)
class Form:
    """How somebody is addressed, without the commas."""

    #: First line of the address: `The Honorable Ann Alpha`.
    envelope: str
    #: Lines between it and the street: `United States Senate`.
    lines: tuple[str, ...]
    #: `Dear Senator Alpha`.
    salutation: str
    #: `Respectfully`.
    closing: str


class Rank(StrEnum):
    """How high somebody is addressed."""

    US_PRESIDENT = "us president"
    US_VICE_PRESIDENT = "us vice president"
    SENATOR = "senator"
    REPRESENTATIVE = "representative"
    DELEGATE = "delegate"
    #: Of the United States, called by the office: Governor, Mayor, Attorney General …
    US_OFFICER = "us officer"
    MONARCH = "monarch"
    PRESIDENT = "president"
    PRIME_MINISTER = "prime minister"
    MINISTER = "minister"
    AMBASSADOR = "ambassador"
    #: Members of the parliaments of other countries.
    FOREIGN_SENATOR = "foreign senator"
    DEPUTY = "deputy"
    PERSON = "person"
    GOVERNMENT = "government"
    MISSION = "mission"
    INSTITUTION = "institution"


_US_OFFICERS = (
    "lieutenant governor", "governor", "mayor", "attorney general", "secretary", "treasurer",
    "auditor", "comptroller", "commissioner", "councilmember", "council member", "assembly member",
    "assemblymember", "assemblyman", "assemblywoman", "ambassador", "judge", "justice", "speaker",
    "superintendent", "chairman", "chair", "sheriff",
)  # fmt: skip
#: Words of a foreign office → its rank, the first that fits; in English, French and Spanish.
_FOREIGN: Sequence[tuple[Rank, re.Pattern[str]]] = tuple(
    (rank, re.compile(words))
    for rank, words in (
        # A charge d'affaires and a consul are no ambassadors, and a deputy minister no minister.
        (Rank.PERSON, r"\b(charge d affaires|consul|adviser|advisor|counsellor|counselor|assistant"
                      r"|conseiller|conseillere|consejero|consejera|secretary to|chief of staff"
                      r"|former|spokes\w+|private secretary|first secretary|second secretary"
                      r"|third secretary)\b"),
        (Rank.MONARCH, r"\b(king|queen|roi|reine|rey|reina|emperor|sultan|emir)\b"),
        (Rank.PRIME_MINISTER, r"\b(prime minister|premier ministre|premiere ministre"
                              r"|primer ministro|primera ministra|chancellor|taoiseach|premier)\b"),
        (Rank.AMBASSADOR, r"\b(ambassador|ambassadeur|ambassadrice|embajador|embajadora"
                          r"|permanent representative|high commissioner|head of mission"
                          r"|representant permanent|representante permanente|nuncio)\b"),
        (Rank.MINISTER, r"\b(minister|ministre|ministro|ministra|secretary of state"
                        r"|secretary general|foreign secretary|secretaire general"
                        r"|secretario general|secretaria general|canciller)\b"),
        (Rank.FOREIGN_SENATOR, r"\b(senator|senateur|senatrice|senador|senadora)\b"),
        (Rank.DEPUTY, r"\b(member of parliament|mp|deputy|depute|deputee|diputado|diputada|deputado"
                      r"|deputada|member of congress|congressman|congresswoman|representative"
                      r"|member of the \w+ parliament|mep|msp|mla|delegate)\b"),
        (Rank.PRESIDENT, r"^(president|presidente|presidenta|presidente de la republica"
                         r"|president de la republique|presidente da republica)\b"),
    )
)  # fmt: skip
#: Heads of something other than a state.
_OF_SOMETHING = re.compile(
    r"\b(senate|senat|senado|parliament|parlement|parlamento|assembly|assemblee|asamblea|house"
    r"|chamber|chambre|camara|council|conseil|consejo|committee|commission|court|bank|board"
    r"|conference|company|university|association|vice)\b"
)
_MISSION = re.compile(
    r"\b(embassy|mission|high commission|ambassade|embajada|consulate|consulat|consulado"
    r"|nunciature)\b"
)


def rank_of(who: Addressee) -> Rank:
    """How high the target is addressed, by what it is and holds."""
    if who.kind == "government":
        return Rank.GOVERNMENT
    if who.kind == "body":
        return Rank.MISSION if _MISSION.search(fold(who.name)) else Rank.INSTITUTION
    if who.kind == "company":
        return Rank.INSTITUTION
    if not who.role:
        return Rank.PERSON
    role, key = fold(who.role), who.body_key or ""
    is_chamber = key.startswith(("us/senate", "us/house", "us-")) and "/executive" not in key
    if is_chamber or who.country == "US":
        return _rank_in_the_states(role, who)
    for rank, words in _FOREIGN:
        if words.search(role):
            if rank is Rank.PRESIDENT and _OF_SOMETHING.search(role):
                return Rank.PERSON
            return rank
    return Rank.DEPUTY if who.kind == "legislator" else Rank.PERSON


def _rank_in_the_states(role: str, who: Addressee) -> Rank:
    plain = role.removeprefix("u s ").removeprefix("us ").removeprefix("state ")
    if plain.startswith(("senator", "president pro tem")):
        return Rank.SENATOR
    if plain.startswith(("representative", "congress")):
        return Rank.REPRESENTATIVE
    if plain.startswith(("delegate", "resident commissioner")):
        return Rank.DELEGATE
    if plain.startswith("vice president"):
        return Rank.US_VICE_PRESIDENT
    if plain.startswith("president") and not _OF_SOMETHING.search(plain):
        return Rank.US_PRESIDENT
    if plain.startswith(_US_OFFICERS) and " to " not in f" {plain} ":
        return Rank.US_OFFICER
    return Rank.DEPUTY if who.kind == "legislator" else Rank.PERSON


# By rank and language


class _Said(NamedTuple):
    """Forms of one rank: for a woman, a man, and where that is not known.

    `{name}` is the whole name, `{family}` what follows a title, `{title}` the office's name before
    a name. An empty third part is the first one.
    """

    envelope: tuple[str, str, str]
    salutation: tuple[str, str, str]
    closing: str


def _one(text: str) -> tuple[str, str, str]:
    return text, text, text


_HIS = ("Her Excellency {name}", "His Excellency {name}", "H.E. {name}")
_HONORABLE = _one("The Honorable {name}")
_DEAR = _one("Dear {title} {family}")
_EN = {
    Rank.US_PRESIDENT: _Said(
        _one("The Honorable {name}"),
        ("Dear Madam President", "Dear Mr. President", "Dear President {family}"),
        "Respectfully",
    ),
    Rank.US_VICE_PRESIDENT: _Said(
        _one("The Honorable {name}"),
        ("Dear Madam Vice President", "Dear Mr. Vice President", "Dear Vice President {family}"),
        "Respectfully",
    ),
    Rank.SENATOR: _Said(_HONORABLE, _DEAR, "Sincerely"),
    Rank.REPRESENTATIVE: _Said(_HONORABLE, _DEAR, "Sincerely"),
    Rank.DELEGATE: _Said(_HONORABLE, _DEAR, "Sincerely"),
    Rank.US_OFFICER: _Said(_HONORABLE, _DEAR, "Sincerely"),
    Rank.MONARCH: _Said(
        ("Her Majesty {name}", "His Majesty {name}", "H.M. {name}"),
        _one("Your Majesty"),
        "Respectfully",
    ),
    Rank.PRESIDENT: _Said(
        _HIS, ("Dear Madam President", "Dear Mr. President", "Excellency"), "Respectfully"
    ),
    Rank.PRIME_MINISTER: _Said(_HIS, _one("Dear Prime Minister"), "Respectfully"),
    Rank.MINISTER: _Said(_HIS, _one("Excellency"), "Respectfully"),
    Rank.AMBASSADOR: _Said(_HIS, _one("Excellency"), "Respectfully"),
    Rank.FOREIGN_SENATOR: _Said(_one("Senator {name}"), _one("Dear Senator {family}"), "Sincerely"),
    Rank.DEPUTY: _Said(
        ("Ms. {name}", "Mr. {name}", "{name}"),
        ("Dear Ms. {family}", "Dear Mr. {family}", "Dear {name}"),
        "Sincerely",
    ),
    Rank.PERSON: _Said(
        ("Ms. {name}", "Mr. {name}", "{name}"),
        ("Dear Ms. {family}", "Dear Mr. {family}", "Dear {name}"),
        "Sincerely",
    ),
    Rank.GOVERNMENT: _Said(
        _one("The Minister of Foreign Affairs"), _one("Excellency"), "Respectfully"
    ),
    Rank.MISSION: _Said(_one("The Head of Mission"), _one("Excellency"), "Respectfully"),
    Rank.INSTITUTION: _Said(_one("{name}"), _one("To whom it may concern"), "Sincerely"),
}
_SON = ("Son Excellence Madame {name}", "Son Excellence Monsieur {name}", "Son Excellence {name}")
_HONORABLE_FR = _one("L’honorable {name}")
_CIVIL_FR = "Veuillez agréer l’expression de ma considération distinguée"
_HIGH_FR = "Veuillez agréer l’expression de ma très haute considération"
_ALL_FR = "Madame, Monsieur"
_FR = {
    Rank.US_PRESIDENT: _Said(
        _HONORABLE_FR, ("Madame la Présidente", "Monsieur le Président", "Excellence"), _HIGH_FR
    ),
    Rank.US_VICE_PRESIDENT: _Said(
        _HONORABLE_FR,
        ("Madame la Vice-présidente", "Monsieur le Vice-président", "Excellence"),
        _HIGH_FR,
    ),
    Rank.SENATOR: _Said(
        _HONORABLE_FR, ("Madame la Sénatrice", "Monsieur le Sénateur", _ALL_FR), _CIVIL_FR
    ),
    Rank.REPRESENTATIVE: _Said(
        _HONORABLE_FR, ("Madame la Représentante", "Monsieur le Représentant", _ALL_FR), _CIVIL_FR
    ),
    Rank.DELEGATE: _Said(
        _HONORABLE_FR, ("Madame la Déléguée", "Monsieur le Délégué", _ALL_FR), _CIVIL_FR
    ),
    Rank.US_OFFICER: _Said(_HONORABLE_FR, ("Madame", "Monsieur", _ALL_FR), _CIVIL_FR),
    Rank.MONARCH: _Said(
        ("Sa Majesté {name}", "Sa Majesté {name}", "Sa Majesté {name}"),
        _one("Votre Majesté"),
        _HIGH_FR,
    ),
    Rank.PRESIDENT: _Said(
        _SON, ("Madame la Présidente", "Monsieur le Président", "Excellence"), _HIGH_FR
    ),
    Rank.PRIME_MINISTER: _Said(
        _SON,
        ("Madame la Première ministre", "Monsieur le Premier ministre", "Excellence"),
        _HIGH_FR,
    ),
    Rank.MINISTER: _Said(
        _SON, ("Madame la Ministre", "Monsieur le Ministre", "Excellence"), _HIGH_FR
    ),
    Rank.AMBASSADOR: _Said(_SON, _one("Excellence"), _HIGH_FR),
    Rank.FOREIGN_SENATOR: _Said(
        ("Madame {name}", "Monsieur {name}", "{name}"),
        ("Madame la Sénatrice", "Monsieur le Sénateur", _ALL_FR),
        _CIVIL_FR,
    ),
    Rank.DEPUTY: _Said(
        ("Madame {name}", "Monsieur {name}", "{name}"),
        ("Madame la Députée", "Monsieur le Député", _ALL_FR),
        _CIVIL_FR,
    ),
    Rank.PERSON: _Said(
        ("Madame {name}", "Monsieur {name}", "{name}"), ("Madame", "Monsieur", _ALL_FR), _CIVIL_FR
    ),
    Rank.GOVERNMENT: _Said(_one("Ministère des Affaires étrangères"), _one("Excellence"), _HIGH_FR),
    Rank.MISSION: _Said(_one("{name}"), _one("Excellence"), _HIGH_FR),
    Rank.INSTITUTION: _Said(_one("{name}"), _one(_ALL_FR), _CIVIL_FR),
}
_EXCMO = ("Excma. Sra. {name}", "Excmo. Sr. {name}", "S.E. {name}")
_HONORABLE_ES = _one("Hon. {name}")
_ALL_ES = "De mi mayor consideración"
_ES = {
    Rank.US_PRESIDENT: _Said(
        _HONORABLE_ES, ("Señora Presidenta", "Señor Presidente", "Excelencia"), "Respetuosamente"
    ),
    Rank.US_VICE_PRESIDENT: _Said(
        _HONORABLE_ES,
        ("Señora Vicepresidenta", "Señor Vicepresidente", "Excelencia"),
        "Respetuosamente",
    ),
    Rank.SENATOR: _Said(
        _HONORABLE_ES,
        ("Estimada Senadora {family}", "Estimado Senador {family}", _ALL_ES),
        "Atentamente",
    ),
    Rank.REPRESENTATIVE: _Said(
        _HONORABLE_ES,
        ("Estimada Representante {family}", "Estimado Representante {family}", _ALL_ES),
        "Atentamente",
    ),
    Rank.DELEGATE: _Said(
        _HONORABLE_ES,
        ("Estimada Delegada {family}", "Estimado Delegado {family}", _ALL_ES),
        "Atentamente",
    ),
    Rank.US_OFFICER: _Said(
        _HONORABLE_ES,
        ("Estimada señora {family}", "Estimado señor {family}", _ALL_ES),
        "Atentamente",
    ),
    Rank.MONARCH: _Said(
        ("Su Majestad {name}", "Su Majestad {name}", "Su Majestad {name}"),
        _one("Majestad"),
        "Respetuosamente",
    ),
    Rank.PRESIDENT: _Said(
        _EXCMO, ("Señora Presidenta", "Señor Presidente", "Excelencia"), "Respetuosamente"
    ),
    Rank.PRIME_MINISTER: _Said(
        _EXCMO, ("Señora Primera Ministra", "Señor Primer Ministro", "Excelencia"),
        "Respetuosamente",
    ),
    Rank.MINISTER: _Said(
        _EXCMO, ("Señora Ministra", "Señor Ministro", "Excelencia"), "Respetuosamente"
    ),
    Rank.AMBASSADOR: _Said(
        _EXCMO, ("Señora Embajadora", "Señor Embajador", "Excelencia"), "Respetuosamente"
    ),
    Rank.FOREIGN_SENATOR: _Said(
        ("Sra. {name}", "Sr. {name}", "{name}"),
        ("Estimada Senadora {family}", "Estimado Senador {family}", _ALL_ES),
        "Atentamente",
    ),
    Rank.DEPUTY: _Said(
        ("Sra. {name}", "Sr. {name}", "{name}"),
        ("Estimada Diputada {family}", "Estimado Diputado {family}", _ALL_ES),
        "Atentamente",
    ),
    Rank.PERSON: _Said(
        ("Sra. {name}", "Sr. {name}", "{name}"),
        ("Estimada señora {family}", "Estimado señor {family}", _ALL_ES),
        "Atentamente",
    ),
    Rank.GOVERNMENT: _Said(
        _one("Ministerio de Relaciones Exteriores"), _one("Excelencia"), "Respetuosamente"
    ),
    Rank.MISSION: _Said(_one("{name}"), _one("Excelencia"), "Respetuosamente"),
    Rank.INSTITUTION: _Said(_one("{name}"), _one("A quien corresponda"), "Atentamente"),
}  # fmt: skip
_BY_LANGUAGE = {"en": _EN, "fr": _FR, "es": _ES}

#: Chambers of the United States by the key of their body, as they are written in full.
_CHAMBERS = {
    "us/senate": "United States Senate",
    "us/house": "United States House of Representatives",
}
#: Offices whose name before a name is shorter than that of the office.
_TITLES = {
    "secretary of state": "Secretary", "lieutenant governor": "Lieutenant Governor",
    "council member": "Councilmember", "chief justice": "Chief Justice",
}  # fmt: skip
_WHOLE = re.compile(r"(dear|to|your|excellency|excellencies|honou?rable|sir|madam)\b", re.I)


def form_of(who: Addressee, language: str = "en") -> Form:
    """How the target is addressed in a language; in English where the language has no forms."""
    spoken = language_of(language)
    rank = rank_of(who)
    said = _BY_LANGUAGE[spoken][rank]
    by_gender = gender(who.gender)
    words = {
        "name": who.name,
        "family": (who.family_name or "").strip() or who.name,
        "title": _title(who.role or ""),
    }
    salutation = said.salutation[by_gender].format_map(words)
    envelope = said.envelope[by_gender].format_map(words)
    if rank is Rank.GOVERNMENT and who.country == "US" and spoken == "en":
        envelope = "The Secretary of State"
    if spoken == "en" and (typed := (who.salutation or "").strip().rstrip(",:")):
        salutation = typed if _WHOLE.match(typed) else f"Dear {typed}"
    return Form(
        envelope=envelope,
        lines=_lines(who, rank, spoken),
        salutation=salutation,
        closing=said.closing,
    )


def language_of(language: str) -> str:
    """The language whose forms are used: `fr-CA` → `fr`, `pt-BR` → `en`."""
    first = language.partition("-")[0].lower()
    return first if first in _BY_LANGUAGE else "en"


def gender(told: str | None) -> int:
    """0 for a woman, 1 for a man, 2 for whoever it is not known of or who is neither."""
    plain = fold(told or "")
    if plain in ("f", "female", "woman", "w"):
        return 0
    return 1 if plain in ("m", "male", "man") else 2


def _title(role: str) -> str:
    """What an office is called before a name: `Secretary of State` → `Secretary`."""
    folded = fold(role)
    if folded in _TITLES:
        return _TITLES[folded]
    plain = re.sub(r"^(u\.?\s?s\.?|state)\s+", "", role.strip(), flags=re.IGNORECASE)
    if (folded := fold(plain)).startswith("congress"):
        return "Representative"
    if folded.startswith("secretary"):
        return "Secretary"
    # `Governor of West Virginia`, `Mayor, Charleston`: where is no part of the title.
    return re.split(r",| (?:of|for) ", plain, maxsplit=1)[0] or plain


def _lines(who: Addressee, rank: Rank, language: str) -> tuple[str, ...]:
    """Lines between the name and the street."""
    if rank is Rank.GOVERNMENT:
        return (who.name,)
    if rank is Rank.MISSION:
        return (who.name,) if language == "en" else ()
    if not who.role or rank is Rank.INSTITUTION:
        return ()
    key = who.body_key or ""
    if key in _CHAMBERS:
        return (_CHAMBERS[key],)
    if rank is Rank.US_PRESIDENT:
        return ("The White House",)
    if key.startswith("us-"):
        # `Executive of West Virginia` is a drawer of ours, and no name of an office.
        is_chamber = not key.endswith(("/executive", "/local"))
        return tuple(filter(None, (who.body if is_chamber else who.office,)))
    office = who.office or who.role
    found = dict.fromkeys(line for line in (office, who.body) if line)
    return tuple(found)


def at(form: Form, label: str, address: Sequence[str], language: str = "en") -> Form:
    """How a government is addressed at this address: an embassy's or a mission's goes to its head.

    Where a language has no word for the head that fits everybody, the mission's own name stands
    first.
    """
    if not address or not _MISSION.search(fold(f"{label} {address[0]}")):
        return form
    whole = fold(" ".join(address))
    return replace(
        form,
        envelope="The Head of Mission" if language_of(language) == "en" else address[0],
        lines=tuple(line for line in form.lines if fold(line) not in whole),
    )


def below(form: Form, address: Sequence[str]) -> tuple[str, ...]:
    """The lines under the name: those of the office that the address does not have, then it."""
    there = {fold(line) for line in address}
    said = tuple(line for line in form.lines if fold(line) not in there)
    return (*said, *(line for line in address if fold(line) != fold(form.envelope)))
