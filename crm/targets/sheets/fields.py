"""The fields a spreadsheet of targets may have, and the words such columns are headed with."""

from flask_babel import lazy_gettext as _l

from crm.core.columns import Field
from crm.targets import rules


def _is_phone(cell: str) -> bool:
    digits = sum(c.isdigit() for c in cell)
    return 7 <= digits <= 20 and all(c.isdigit() or c in " +-().,;/extEXT" for c in cell)


FIELDS = (
    Field("key", _l("Own key"), (
        "key", "own key", "id", "mp id", "mep id", "contact id", "embassy id", "company id",
        "person id", "uid", "identifier", "member id", "target id", "reference", "ref",
        "record id", "external id", "id number", "wikidata", "wikidata id", "company number",
        "lei", "iati identifier", "parlparse", "mnis id",
    )),
    Field("kind", _l("Kind"), ("kind", "target kind", "type", "target type", "category")),
    Field("name", _l("Name"), (
        "name", "full name", "display name", "person", "person name", "member", "member name",
        "mp", "mp name", "minister", "ambassador", "head of mission", "organisation",
        "organization", "organisation name", "organization name", "company", "company name",
        "embassy", "mission", "government", "target", "nombre", "nombre completo", "nom complet",
        "navn", "naam", "nome",
    )),
    Field("given_name", _l("Given name"), (
        "given name", "given names", "first name", "firstname", "first names", "forename",
        "forenames", "given", "first", "vorname", "prenom", "nombres", "voornaam", "imie",
        "primeiro nome", "nome proprio",
    )),
    Field("family_name", _l("Family name"), (
        "family name", "last name", "lastname", "surname", "family", "last", "nachname",
        "familienname", "nom de famille", "nom", "apellido", "apellidos", "achternaam",
        "nazwisko", "sobrenome", "cognome", "efternamn", "etternavn",
    )),
    Field("additional_name", _l("Middle name"), (
        "middle name", "middle names", "middle", "additional name", "additional names",
        "second name", "middle initial",
    )),
    Field("title", _l("Title before the name"), (
        "name title", "honorific", "honorific prefix", "prefix", "name prefix", "courtesy title",
    )),
    Field("suffix", _l("Suffix"), ("suffix", "name suffix", "post nominals", "postnominals")),
    Field("nickname", _l("Also known as"), (
        "nickname", "nick name", "also known as", "aka", "known as", "preferred name",
        "other names", "alias", "abbreviation", "acronym", "short name",
    )),
    Field("salutation", _l("Salutation"), (
        "salutation", "greeting", "form of address", "letter salutation", "dear", "anrede",
        "tratamiento",
    )),
    Field("role", _l("Office"), (
        "role", "position", "job title", "title", "post", "function", "portfolio", "office held",
        "job", "cargo", "puesto", "fonction", "amt", "funktion", "stanowisko", "poste", "office",
        "designation",
    )),
    Field("body", _l("Institution"), (
        "body", "institution", "chamber", "house", "ministry", "department", "agency",
        "parliament", "legislature", "organisation of office", "embassy of", "embassy", "mission",
        "ministerio",
        "ministere", "ministerium", "camara", "chambre", "assembly", "office name",
    )),
    Field("area", _l("State or area"), (
        "area", "state", "province", "region represented", "nation", "bundesland", "estado",
        "land", "territory",
    )),
    Field("district", _l("District"), (
        "district", "constituency", "constituency name", "seat", "riding", "electorate", "ward",
        "electoral district", "wahlkreis", "circonscription", "distrito", "division", "circuit",
    )),
    Field("country", _l("Country"), (
        "country", "country name", "country code", "iso2", "iso3", "iso", "iso code", "iso 2",
        "iso 3", "nationality", "state party", "pais", "pays", "kraj", "paese", "landcode",
        "home country", "sending country",
    )),
    Field("party", _l("Party"), (
        "party", "party name", "political party", "party affiliation", "partei", "parti",
        "partido", "partij", "partia", "partito",
    )),
    Field("starts_on", _l("In office since"), (
        "start", "start date", "since", "from", "from date", "term start", "in office since",
        "elected on", "appointed", "appointed on", "date appointed", "begin", "term begin",
        "house start date", "took office",
    )),
    Field("ends_on", _l("In office until"), (
        "end", "end date", "until", "to", "to date", "term end", "in office until", "term ends",
        "house end date", "left office",
    )),
    Field("email", _l("E-mail"), (
        "email", "e mail", "mail", "email address", "e mail address", "emails", "contact email",
        "correo", "correo electronico", "courriel", "e post", "emailadresse", "epost",
    ), rules.looks_like_email, several=True),
    Field("phone", _l("Phone"), (
        "phone", "telephone", "phone number", "telephone number", "tel", "tel no", "phones",
        "mobile", "telefono", "telefon", "tel number", "landline", "cell", "contact number",
    ), _is_phone, several=True),
    Field("fax", _l("Fax"), ("fax", "fax number", "telefax"), several=True),
    Field("address", _l("Postal address, in one cell"), (
        "address", "postal address", "mailing address", "full address", "office address",
        "direccion", "adresse", "anschrift", "adres", "endereco", "indirizzo",
    ), several=True),
    Field("street", _l("Street"), (
        "street", "street address", "address 1", "address line", "address line 1", "addr1",
        "strasse", "calle", "rue", "address line 2", "address 2", "address line 3",
    ), several=True),
    Field("city", _l("City"), (
        "city", "town", "locality", "post town", "ciudad", "ville", "stadt", "ort", "miasto",
        "cidade",
    )),
    Field("region", _l("County or state of the address"), (
        "county", "address state", "region", "address region", "state province", "mailing state",
    )),
    Field("postcode", _l("Postcode"), (
        "postcode", "post code", "postal code", "zip", "zip code", "zipcode", "plz",
        "codigo postal", "code postal", "kod pocztowy",
    )),
    Field("address_country", _l("Country of the address"), (
        "address country", "country of address", "mailing country", "host country",
    )),
    Field("web_form", _l("Web form"), (
        "web form", "webform", "contact form", "contact page", "contact url", "contact form url",
    ), several=True),
    Field("website", _l("Website"), (
        "website", "web site", "web", "url", "uri", "homepage", "home page", "web page",
        "webpage", "site", "link", "official website", "sitio web", "site web",
    ), rules.is_link, several=True),
    Field("social", _l("Social media"), (
        "social", "social media", "twitter", "x", "facebook", "instagram", "linkedin", "youtube",
        "bluesky", "mastodon", "tiktok", "threads", "twitter handle", "x handle", "handle",
    ), several=True),
    Field("note", _l("Note"), (
        "note", "notes", "comment", "comments", "remark", "remarks", "notas", "notiz",
        "bemerkung", "description",
    ), several=True),
)  # fmt: skip

BY_NAME = {field.name: field for field in FIELDS}

#: Fields that may be given once for all rows where the sheet has no such column or no value.
FIXED = ("body", "role", "country", "party")

#: `rules.CONTACT_KINDS` by the field that fills it.
CONTACTS = {
    "email": "email", "phone": "phone", "fax": "fax", "web_form": "web form",
    "website": "website", "social": "social",
}  # fmt: skip

#: Social networks by what a column is headed with or an address begins with: where handles live.
NETWORKS = {
    "twitter": ("X", "https://x.com/"),
    "x": ("X", "https://x.com/"),
    "facebook": ("Facebook", "https://www.facebook.com/"),
    "instagram": ("Instagram", "https://www.instagram.com/"),
    "linkedin": ("LinkedIn", "https://www.linkedin.com/in/"),
    "youtube": ("YouTube", "https://www.youtube.com/"),
    "bluesky": ("Bluesky", "https://bsky.app/profile/"),
    "bsky": ("Bluesky", "https://bsky.app/profile/"),
    "tiktok": ("TikTok", "https://www.tiktok.com/"),
    "threads": ("Threads", "https://www.threads.net/"),
    "mastodon": ("Mastodon", ""),
}
