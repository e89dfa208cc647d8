"""The fields a roster may have, and the words such columns are headed with."""

import re
from collections.abc import Sequence

from flask_babel import lazy_gettext as _l

from crm.core.columns import Field
from crm.core.text import fold
from crm.members import fields as custom_fields
from crm.members.models import CustomField

_EMAIL = re.compile(r"[^\s@,;]+@[^\s@,;]+\.[^\s@,;.]{2,}")
#: Before the key of a field an administrator defined.
CUSTOM = "custom."
#: Guardians a row may have.
GUARDIANS = 2


def looks_like_email(cell: str) -> bool:
    """Whether a cell holds an e-mail address."""
    return _EMAIL.fullmatch(cell) is not None


def _is_phone(cell: str) -> bool:
    digits = sum(c.isdigit() for c in cell)
    return 7 <= digits <= 20 and all(c.isdigit() or c in " +-().,;/extEXT" for c in cell)


def _is_name(cell: str) -> bool:
    """`Núñez, Ana`: what else has one comma between two words?"""
    family, comma, given = cell.partition(",")
    return bool(comma) and all(
        part.strip() and not any(c.isdigit() for c in part) and len(part.split()) <= 3
        for part in (family, given)
    )


def _is_class_of(cell: str) -> bool:
    return len(cell) == 4 and cell.isascii() and cell.isdigit() and 2015 <= int(cell) <= 2045


_PLAIN = (
    Field("name", _l("Name, in one cell"), (
        "name", "full name", "student name", "student", "member name", "member", "participant",
        "participant name", "names", "display name", "nombre completo", "nom complet", "alumno",
        "name of student", "schuler", "volunteer", "volunteer name", "pupil", "pupil name",
    ), _is_name),
    Field("given_name", _l("First name"), (
        "first name", "firstname", "given name", "given names", "given", "first", "forename",
        "first names", "forenames", "preferred name", "vorname", "prenom", "nombre", "nombres",
        "voornaam", "imie", "nome", "student first name", "fname",
    )),
    Field("family_name", _l("Family name"), (
        "family name", "last name", "lastname", "surname", "last", "family", "nachname",
        "familienname", "nom de famille", "nom", "apellido", "apellidos", "achternaam",
        "nazwisko", "sobrenome", "cognome", "student last name", "lname",
    )),
    Field("chapter", _l("Chapter"), (
        "chapter", "school", "school name", "chapter name", "group", "club", "team", "schule",
        "escuela", "ecole", "high school", "campus",
    )),
    Field("graduation_year", _l("Year of graduation"), (
        "graduation year", "year of graduation", "graduates", "graduates in", "graduation",
        "class of", "grad year", "class year", "yog", "expected graduation", "grad", "class",
        "abschlussjahr",
    ), _is_class_of),
    Field("grade", _l("Grade"), (
        "grade", "grade level", "school year", "year level", "year group", "year", "form",
        "klasse", "grado", "curso", "standard", "jahrgang",
    )),
    Field("email", _l("E-mail"), (
        "email", "e mail", "mail", "email address", "e mail address", "student email",
        "member email", "school email", "personal email", "correo", "correo electronico",
        "courriel", "emailadresse", "e post",
    ), looks_like_email),
    Field("phone", _l("Phone"), (
        "phone", "telephone", "phone number", "mobile", "mobile phone", "mobile number", "cell",
        "cell phone", "cellphone", "student phone", "tel", "telephone number", "telefono",
        "telefon", "handy", "movil", "contact number",
    ), _is_phone),
    Field("address", _l("Home address"), (
        "address", "home address", "street", "street address", "mailing address",
        "postal address", "full address", "direccion", "adresse", "anschrift", "address line 1",
        "address line 2", "city", "town", "locality", "ciudad", "ville", "ort",
    ), several=True),
    Field("postal_code", _l("Postal code"), (
        "postal code", "zip", "zip code", "zipcode", "postcode", "post code", "plz",
        "codigo postal", "code postal",
    )),
    Field("born_on", _l("Date of birth (only the age band is kept)"), (
        "date of birth", "birth date", "birthdate", "birthday", "dob", "born", "born on",
        "geburtsdatum", "fecha de nacimiento", "date de naissance", "birth",
    )),
    Field("age", _l("Age in years (only the age band is kept)"), (
        "age", "age in years", "years old", "edad", "alter",
    )),
    Field("age_band", _l("Age band"), ("age band", "age group", "age range", "age bracket")),
    Field("skill", _l("Skills"), ("skills", "skill", "can do", "talents", "habilidades"),
          several=True),
    Field("interest", _l("Interests"), (
        "interests", "interest", "interested in", "hobbies", "committee", "committees",
        "intereses",
    ), several=True),
    Field("language", _l("Languages"), (
        "languages", "language", "languages spoken", "spoken languages", "idiomas", "sprachen",
        "speaks",
    ), several=True),
    Field("joined_on", _l("Joined on"), (
        "joined", "joined on", "join date", "date joined", "member since", "since", "start date",
        "timestamp", "signed up", "sign up date", "registered", "registration date", "enrolled",
    )),
    Field("note", _l("Note"), (
        "note", "notes", "comment", "comments", "remark", "remarks", "notas", "notiz",
        "bemerkung",
    ), several=True),
)  # fmt: skip

_GUARDIAN = {
    "name": (_l("Guardian: name"), _l("Second guardian: name")),
    "phone": (_l("Guardian: phone"), _l("Second guardian: phone")),
    "email": (_l("Guardian: e-mail"), _l("Second guardian: e-mail")),
    "relation": (_l("Guardian: relation"), _l("Second guardian: relation")),
}
#: Folded words that say whose column it is, and whose that is.
_WHO = {
    "parent guardian": "parent", "guardian": "parent", "parent": "parent", "carer": "parent",
    "caregiver": "parent", "tutor": "parent", "eltern": "parent",
    "mother": "mother", "mom": "mother", "mum": "mother", "madre": "mother", "mere": "mother",
    "mutter": "mother", "father": "father", "dad": "father", "padre": "father", "pere": "father",
    "vater": "father",
}  # fmt: skip
_PARTS = (
    ("email", ("email", "mail", "e mail", "correo", "courriel")),
    ("phone", ("phone", "cell", "mobile", "tel", "telephone", "telefono", "telefon", "number",
               "cellphone", "handy", "movil")),
    ("relation", ("relation", "relationship", "is the")),
    ("name", ("name", "names", "first", "last", "nombre", "")),
)  # fmt: skip
_SECOND = frozenset({"2", "second", "2nd", "other", "ii"})


def guardian_columns(head: Sequence[str]) -> dict[str, str]:
    """Column → field of those that are about guardians: `Mother cell`, `Parent 2 e-mail`.

    Who is named first in the head is the first; a third is left out.
    """
    whose: dict[str, str] = {}
    found: dict[str, str] = {}
    for column in head:
        padded = f" {fold(column)} "
        who = next((each for each in _WHO if f" {each} " in padded), None)
        if who is None and padded in (" relation ", " relationship "):
            found[column] = "guardian_relation"
            continue
        if who is None:
            continue
        words = padded.replace(f" {who} ", " ").split()
        key = f"{_WHO[who]} 2" if _SECOND.intersection(words) else _WHO[who]
        if key not in whose and len(whose) < GUARDIANS:
            whose[key] = f"guardian{len(whose) + 1 if whose else ''}"
        rest = " ".join(words)
        part = next(
            (part for part, heads in _PARTS if any(f" {h} " in f" {rest} " for h in heads if h)),
            "name" if not set(words) - _SECOND - {"1", "s", "or", "and", "full", "1st"} else None,
        )
        if part and key in whose and (part == "name" or f"{whose[key]}_{part}" not in
                                      found.values()):  # fmt: skip
            found[column] = f"{whose[key]}_{part}"
    return found


FIELDS = (
    *_PLAIN,
    *(
        Field(f"{which}_{part}", labels[place], several=part == "name")
        for place, which in enumerate(("guardian", "guardian2"))
        for part, labels in _GUARDIAN.items()
    ),
)
BY_NAME = {field.name: field for field in FIELDS}


def all_fields(custom: Sequence[CustomField] | None = None) -> list[Field]:
    """The fields, and those an administrator defined."""
    custom = custom_fields.defined() if custom is None else custom
    own = [
        Field(f"{CUSTOM}{each.key}", each.label, tuple({fold(each.label), fold(each.key)}))
        for each in custom
    ]
    return [*FIELDS, *own]
