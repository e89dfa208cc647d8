"""The public files of `unitedstates/congress-legislators` (CC0): who sits in Congress.

Reads and checks; `targets.intake` writes. What the files call current is current, whatever the
date of a term's end: a term due to end on election day goes on until a successor is sworn in.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from crm.core.errors import Refused
from crm.targets import rules
from crm.targets.sources.facts import (
    BodyFacts,
    ContactFacts,
    Intake,
    SeatFacts,
    TargetFacts,
    TermFacts,
)
from crm.targets.sources.reading import (
    Document,
    Documents,
    Progress,
    Record,
    parse,
    read_place,
    read_uploads,
)

PUBLIC_ADDRESS = "https://unitedstates.github.io/congress-legislators/"

LEGISLATORS = "legislators-current"
OFFICES = "legislators-district-offices"
COMMITTEES = "committees-current"
MEMBERSHIP = "committee-membership-current"
SOCIAL = "legislators-social-media"
#: The first is needed; what is not given of the others is left as it is.
STEMS = (LEGISLATORS, OFFICES, COMMITTEES, MEMBERSHIP, SOCIAL)

_SOURCE = "unitedstates/congress-legislators (CC0)"
#: Schemes whose identifiers name one person.
_SCHEMES = ("govtrack", "wikidata", "thomas", "lis", "icpsr", "opensecrets", "votesmart",
            "ballotpedia", "cspan", "house_history")  # fmt: skip
_BIOGUIDE = re.compile(r"[A-Z][0-9]{6}")
_CODE = re.compile(r"[A-Z0-9]{4}")
_SUBCODE = re.compile(r"[A-Z0-9]{2}")
_WASHINGTON = re.compile(r"^(.*?),? Washington,? D\.?C\.?,? (\d{5}(?:-\d{4})?)$", re.IGNORECASE)
_GENDERS = {"F": "female", "M": "male"}
_CHAMBERS = {
    "us/senate": BodyFacts("us/senate", "U.S. Senate", "chamber", None, "US", None),
    "us/house": BodyFacts("us/house", "U.S. House of Representatives", "chamber", None, "US", None),
}
#: Name of the network, its key in the file, what its links look like.
_NETWORKS = (
    ("X", "twitter", "https://x.com/{}"),
    ("Facebook", "facebook", "https://www.facebook.com/{}"),
    ("Instagram", "instagram", "https://www.instagram.com/{}"),
    ("YouTube", "youtube_id", "https://www.youtube.com/channel/{}"),
    ("YouTube", "youtube", "https://www.youtube.com/user/{}"),
)


def read(place: str, *, today: date, progress: Progress | None = None) -> Intake:
    """Read a folder, a `legislators-current` file or an https address. Raises `Refused`."""
    documents = read_place(place or PUBLIC_ADDRESS, STEMS, progress)
    return gather(documents, today=today)


def read_sent(
    uploads: Sequence[tuple[str, bytes]], *, today: date, progress: Progress | None = None
) -> Intake:
    """Read files somebody sent, as (name, content). Raises `Refused`."""
    return gather(read_uploads(uploads, STEMS, progress), today=today)


def read_west_virginia() -> Intake:
    """The delegation the project ships for machines without a network: part of a whole."""
    name = "west-virginia.yaml"
    content = (files("crm.targets.sources") / "data" / name).read_bytes()
    bundle = parse(name, content).data
    documents = Documents(origin=name)
    documents.found = {stem: Document(name, bundle[stem]) for stem in STEMS if stem in bundle}
    intake = gather(documents, today=date.fromisoformat(bundle["date"]))
    intake.is_whole = False
    return intake


def gather(documents: Documents, *, today: date) -> Intake:
    """Check the parsed files, record by record, and put their facts together."""
    intake = Intake(
        importer="congress",
        origin=documents.origin,
        source=_SOURCE,
        day=today,
        scheme="bioguide",
        targets=[],
        schemes=frozenset({*_SCHEMES, "fec"}),
        bodies=dict(_CHAMBERS),
        contact_parts=("dc/",),
        chambers=frozenset(_CHAMBERS),
    )
    found = documents.found
    people = _legislators(found[LEGISLATORS], intake)
    if OFFICES in found:
        _offices(found[OFFICES], people, intake)
    if SOCIAL in found:
        _social(found[SOCIAL], people, intake)
    if COMMITTEES in found:
        _committees(found[COMMITTEES], intake)
        if MEMBERSHIP in found:
            _seats(found[MEMBERSHIP], people, intake)
    elif MEMBERSHIP in found:
        intake.warnings.append(
            _("Committee seats stay as they are: their names (%(file)s) were not given.",
              file=COMMITTEES)
        )  # fmt: skip
    return intake


def _listed(document: Document) -> list[Any]:
    if not isinstance(document.data, list):
        raise Refused(_("%(file)s is not a list of records.", file=document.name))
    return document.data


def _label(number: int, data: Any) -> str:
    """How a sentence names a record: by position, bioguide and name, as far as they are there."""
    names = []
    if isinstance(data, dict):
        ids, name = data.get("id"), data.get("name")
        if isinstance(ids, dict) and isinstance(ids.get("bioguide"), str):
            names.append(f"bioguide {ids['bioguide'][:20]}")
        if isinstance(name, dict):
            full = name.get("official_full") or f"{name.get('first', '')} {name.get('last', '')}"
            names.append(str(full).strip()[:80])
    known = ", ".join(each for each in names if each)
    if not known:
        return _("record %(number)s", number=number)
    return _("record %(number)s (%(known)s)", number=number, known=known)


# People and their terms


def _legislators(document: Document, intake: Intake) -> dict[str, TargetFacts]:
    rows = _listed(document)
    if not rows:
        raise Refused(_("%(file)s holds no records.", file=document.name))
    people: dict[str, TargetFacts] = {}
    seats: dict[str, str] = {}
    for number, data in enumerate(rows, start=1):
        record = Record(document.name, _label(number, data), data, intake.warnings)
        facts = _legislator(record, intake)
        if facts.identifier in people:
            raise record.wrong("id.bioguide", _("is there twice"))
        seat = facts.terms[-1].post_key
        if seat in seats:
            # Lists hold both for some days when a seat changes hands: neither is hidden.
            wrong = record.wrong(
                "terms",
                _("end in a seat somebody else holds: %(label)s (bioguide %(other)s)",
                  label=intake.posts[seat].label, other=seats[seat]),
            )  # fmt: skip
            intake.warnings.append(
                _("%(wrong)s. Both are kept as its holders.", wrong=wrong.message)
            )
        seats[seat] = facts.identifier
        people[facts.identifier] = facts
    intake.targets = list(people.values())
    return people


def _legislator(record: Record, intake: Intake) -> TargetFacts:
    ids = record.within(record.data, "id", "")
    bioguide = record.needed(ids, "bioguide", "id.")
    if not _BIOGUIDE.fullmatch(bioguide):
        raise record.wrong("id.bioguide", _("is not a bioguide: %(value)s", value=repr(bioguide)))
    name = record.within(record.data, "name", "")
    given = record.needed(name, "first", "name.")
    family = record.needed(name, "last", "name.")
    additional = record.text(name, "middle", "name.")
    suffix = record.text(name, "suffix", "name.")
    nickname = record.text(name, "nickname", "name.")
    full = record.text(name, "official_full", "name.") or rules.full_name(
        given, family, suffix=suffix
    )
    bio = record.data.get("bio")
    gender = record.text(bio, "gender", "bio.") if isinstance(bio, dict) else None
    terms = _terms(record, intake)
    post = intake.posts[terms[-1].post_key]
    return TargetFacts(
        identifier=bioguide,
        columns={
            "kind": "legislator",
            "name": full,
            "sort_name": rules.sort_name(full, given, family),
            "search": rules.searchable(
                full, given, additional, family, nickname, post.label, post.area
            ),
            "given_name": given,
            "family_name": family,
            "additional_name": additional,
            "suffix": suffix,
            "nickname": nickname,
            "salutation": f"{post.role} {family}",
            "gender": _GENDERS.get(gender or "", gender),
            "country": "US",
        },
        identifiers=_identifiers(record, ids, bioguide),
        terms=terms,
        contacts=_washington(record),
    )


def _identifiers(record: Record, ids: dict[str, Any], bioguide: str) -> list[tuple[str, str]]:
    found = [("bioguide", bioguide)]
    for scheme in _SCHEMES:
        if value := record.text(ids, scheme, "id."):
            found.append((scheme, value))
    if ids.get("fec") is not None:
        rows = record.rows(ids, "fec")
        for place, value in enumerate(rows):
            found.append(("fec", record.needed({f"fec[{place}]": value}, f"fec[{place}]", "id.")))
    return list(dict.fromkeys(found))


def _terms(record: Record, intake: Intake) -> list[TermFacts]:
    rows = record.rows(record.data, "terms", required=True)
    terms = []
    for place, term in enumerate(rows):
        path = f"terms[{place}]"
        if not isinstance(term, dict):
            raise record.wrong(path, _("is not a group of fields"))
        seat = _seat(record, term, f"{path}.")
        intake.posts.setdefault(seat.key, seat)
        starts_on = record.day(term, "start", f"{path}.")
        ends_on = record.day(term, "end", f"{path}.")
        if ends_on < starts_on:
            raise record.wrong(f"{path}.end", _("is before its start"))
        whole = TermFacts(
            post_key=seat.key,
            starts_on=starts_on,
            ends_on=ends_on,
            party=record.text(term, "party", f"{path}."),
            caucus=record.text(term, "caucus", f"{path}."),
            is_current=place == len(rows) - 1,
        )
        terms += _parted(record, term, whole, (starts_on, ends_on), f"{path}.")
    if len({(term.post_key, term.starts_on) for term in terms}) < len(terms):
        raise record.wrong("terms", _("hold the same seat twice from the same day"))
    return terms


def _parted(
    record: Record, term: dict[str, Any], whole: TermFacts, period: tuple[date, date], path: str
) -> list[TermFacts]:
    """A term within which the party changed, in parts; the party it ends with is the term's own."""
    rows = record.rows(term, "party_affiliations")
    if len(rows) < 2:
        return [whole]
    parts: list[TermFacts] = []
    begin, end = period
    for place, row in enumerate(rows):
        where = f"{path}party_affiliations[{place}]"
        if not isinstance(row, dict):
            raise record.wrong(where, _("is not a group of fields"))
        starts_on = record.day(row, "start", f"{where}.") if place else begin
        ends_on = end if row is rows[-1] else record.day(row, "end", f"{where}.")
        if place and starts_on <= begin:
            raise record.wrong(f"{where}.start", _("is not after the start of the one before"))
        if ends_on < starts_on:
            raise record.wrong(f"{where}.end", _("is before its start"))
        begin = starts_on
        parts.append(
            whole._replace(
                starts_on=starts_on,
                ends_on=ends_on,
                party=record.text(row, "party", f"{where}."),
                caucus=record.text(row, "caucus", f"{where}."),
                is_current=False,
            )
        )
    parts[-1] = parts[-1]._replace(
        party=whole.party, caucus=whole.caucus, is_current=whole.is_current
    )
    return parts


def _seat(record: Record, term: dict[str, Any], path: str) -> rules.Seat:
    kind = record.needed(term, "type", path)
    area = record.needed(term, "state", path)
    if area not in rules.STATES:
        raise record.wrong(f"{path}state", _("is not a state: %(value)s", value=repr(area)))
    if kind == "sen":
        class_ = record.whole(term, "class", path, least=1, most=3)
        if class_ is None:
            raise record.wrong(f"{path}class", _("is missing"))
        return rules.senate_seat(area, class_)
    if kind == "rep":
        district = record.whole(term, "district", path, least=-1, most=99)
        if district is None:
            raise record.wrong(f"{path}district", _("is missing"))
        return rules.house_seat(area, district)
    raise record.wrong(f"{path}type", _("is neither 'rep' nor 'sen': %(value)s", value=repr(kind)))


# Ways to reach them


def _washington(record: Record) -> list[ContactFacts]:
    """The office that goes with the last term."""
    rows = record.data["terms"]
    term, path = rows[-1], f"terms[{len(rows) - 1}]."
    if len(rows) > 1 and _is_same_office(rows[-2], term):
        term = {**rows[-2], **term}
    contacts: list[ContactFacts] = []
    if address := record.text(term, "address", path):
        if split := _WASHINGTON.match(address):
            street, code = split.groups()
            parts = {"street": street, "locality": "Washington", "region": "DC",
                     "postal_code": code}  # fmt: skip
            written = f"{street}\nWashington, DC {code}"
            contacts.append(ContactFacts("dc/postal", "postal", "DC", written, parts))
        else:
            contacts.append(ContactFacts("dc/postal", "postal", "DC", address, None))
    for kind in ("phone", "fax"):
        if value := record.text(term, kind, path):
            contacts.append(ContactFacts(f"dc/{kind}", kind, "DC", value, None))
    if value := record.address(term, "contact_form", path):
        contacts.append(ContactFacts("dc/web form", "web form", "Contact form", value, None))
    if value := record.address(term, "url", path):
        contacts.append(ContactFacts("dc/website", "website", "Official site", value, None))
    return contacts


def _is_same_office(before: dict[str, Any], term: dict[str, Any]) -> bool:
    """Whether a new term in the same seat says nothing of its office: then it is the one before.

    Terms are appended when somebody is re-elected, their offices weeks after.
    """
    seat = ("type", "state", "district", "class")
    return not (term.get("address") or term.get("phone")) and all(
        before.get(part) == term.get(part) for part in seat
    )


def _offices(document: Document, people: dict[str, TargetFacts], intake: Intake) -> None:
    intake.contact_parts += ("office/",)
    seen: set[str] = set()
    unknown = 0
    for number, data in enumerate(_listed(document), start=1):
        record = Record(document.name, _label(number, data), data, intake.warnings)
        bioguide = record.needed(record.within(record.data, "id", ""), "bioguide", "id.")
        rows = record.rows(record.data, "offices")
        person = people.get(bioguide)
        if person is None:
            unknown += len(rows)
            continue
        for place, office in enumerate(rows):
            path = f"offices[{place}]"
            if not isinstance(office, dict):
                raise record.wrong(path, _("is not a group of fields"))
            key = record.needed(office, "id", f"{path}.", most=150)
            if key in seen:
                raise record.wrong(f"{path}.id", _("is there twice: %(value)s", value=repr(key)))
            seen.add(key)
            person.contacts += _office(record, office, key, f"{path}.")
    _warn_unknown(intake, document, unknown)


def _office(record: Record, office: dict[str, Any], key: str, path: str) -> list[ContactFacts]:
    city = record.needed(office, "city", path)
    names = {"building": "building", "street": "address", "suite": "suite", "region": "state",
             "postal_code": "zip", "hours": "hours", "latitude": "latitude",
             "longitude": "longitude"}  # fmt: skip
    parts = {
        part: value for part, name in names.items() if (value := record.text(office, name, path))
    }
    parts["locality"] = city
    street = ", ".join(parts[part] for part in ("street", "suite") if part in parts)
    end = " ".join(parts[part] for part in ("region", "postal_code") if part in parts)
    lines = [parts.get("building"), street, f"{city}, {end}" if end else city]
    value = "\n".join(line for line in lines if line)
    contacts = [ContactFacts(f"office/{key}/postal", "postal", city, value, parts)]
    for kind in ("phone", "fax"):
        if number := record.text(office, kind, path):
            contacts.append(ContactFacts(f"office/{key}/{kind}", kind, city, number, None))
    return contacts


def _social(document: Document, people: dict[str, TargetFacts], intake: Intake) -> None:
    intake.contact_parts += ("social/",)
    unknown = 0
    seen: set[str] = set()
    for number, data in enumerate(_listed(document), start=1):
        record = Record(document.name, _label(number, data), data, intake.warnings)
        bioguide = record.needed(record.within(record.data, "id", ""), "bioguide", "id.")
        social = record.within(record.data, "social", "")
        if bioguide in seen:
            raise record.wrong("id.bioguide", _("is there twice"))
        seen.add(bioguide)
        person = people.get(bioguide)
        if person is None:
            unknown += 1
            continue
        links: dict[str, str] = {}
        for network, name, link in _NETWORKS:
            if (account := record.text(social, name, "social.")) and network not in links:
                links[network] = link.format(account)
        if account := record.text(social, "mastodon", "social."):
            user, _at, server = account.lstrip("@").partition("@")
            links["Mastodon"] = f"https://{server}/@{user}" if server else account
        person.contacts += [
            ContactFacts(f"social/{network}", "social", network, link, None)
            for network, link in links.items()
        ]
    _warn_unknown(intake, document, unknown)


# Committees


def _committees(document: Document, intake: Intake) -> None:
    for number, data in enumerate(_listed(document), start=1):
        label = _("record %(number)s", number=number)
        if isinstance(data, dict) and isinstance(data.get("thomas_id"), str):
            label += f" ({data['thomas_id'][:20]})"
        record = Record(document.name, label, data, intake.warnings)
        kind = record.needed(record.data, "type")
        if kind not in ("house", "senate", "joint"):
            raise record.wrong("type", _("is not house, senate or joint: %(v)s", v=repr(kind)))
        code = record.needed(record.data, "thomas_id")
        key = f"us/{kind}/{code}"
        if not _CODE.fullmatch(code):
            raise record.wrong("thomas_id", _("is not a committee's code: %(v)s", v=repr(code)))
        if key in intake.bodies:
            raise record.wrong("thomas_id", _("is there twice"))
        intake.bodies[key] = BodyFacts(
            key=key,
            name=record.needed(record.data, "name"),
            classification="committee",
            parent_key=None if kind == "joint" else f"us/{kind}",
            country="US",
            url=record.address(record.data, "url"),
        )
        for place, sub in enumerate(record.rows(record.data, "subcommittees")):
            path = f"subcommittees[{place}]"
            if not isinstance(sub, dict):
                raise record.wrong(path, _("is not a group of fields"))
            subcode = record.needed(sub, "thomas_id", f"{path}.")
            if not _SUBCODE.fullmatch(subcode):
                raise record.wrong(
                    f"{path}.thomas_id", _("is not a committee's code: %(v)s", v=repr(subcode))
                )
            if f"{key}/{subcode}" in intake.bodies:
                raise record.wrong(f"{path}.thomas_id", _("is there twice"))
            intake.bodies[f"{key}/{subcode}"] = BodyFacts(
                key=f"{key}/{subcode}",
                name=record.needed(sub, "name", f"{path}."),
                classification="subcommittee",
                parent_key=key,
                country="US",
                url=None,
            )


def _seats(document: Document, people: dict[str, TargetFacts], intake: Intake) -> None:
    if not isinstance(document.data, dict):
        raise Refused(_("%(file)s is not a table of committees.", file=document.name))
    intake.has_seats = True
    codes = {
        key.split("/", 2)[2].replace("/", ""): key for key in intake.bodies if key.count("/") > 1
    }
    left: Counter[str] = Counter()
    for code, rows in document.data.items():
        record = Record(
            document.name,
            _("committee %(code)s", code=str(code)[:20]),
            {"members": rows},
            intake.warnings,
        )
        key = codes.get(str(code))
        seated: set[str] = set()
        for place, row in enumerate(record.rows(record.data, "members")):
            path = f"[{place}]"
            if not isinstance(row, dict):
                raise record.wrong(path, _("is not a group of fields"))
            bioguide = record.text(row, "bioguide", f"{path}.")
            title = record.text(row, "title", f"{path}.")
            rank = record.whole(row, "rank", f"{path}.", least=0, most=999)
            side = record.text(row, "party", f"{path}.")
            person = people.get(bioguide or "")
            if key is None:
                left["code"] += 1
            elif person is None:
                left["person"] += 1
            elif bioguide in seated:
                left["twice"] += 1
            else:
                seated.add(bioguide or "")
                person.seats.append(SeatFacts(key, title, rank, side))
    _warn_unknown(intake, document, left["person"])
    if number := left["code"]:
        intake.warnings.append(
            ngettext(
                "%(file)s: %(num)s row is of a committee without a name and was left out.",
                "%(file)s: %(num)s rows are of committees without a name and were left out.",
                number,
                file=document.name,
            )
        )
    if number := left["twice"]:
        intake.warnings.append(
            ngettext(
                "%(file)s: %(num)s row names somebody twice in a committee and was left out.",
                "%(file)s: %(num)s rows name somebody twice in a committee and were left out.",
                number,
                file=document.name,
            )
        )


def _warn_unknown(intake: Intake, document: Document, number: int) -> None:
    if number:
        intake.warnings.append(
            ngettext(
                "%(file)s: %(num)s row is of nobody in the list of legislators and was left out.",
                "%(file)s: %(num)s rows are of nobody in the list of legislators and were left"
                " out.",
                number,
                file=document.name,
            )
        )
