"""The public files of `openstates/people` (CC0): who sits in a state's legislature, who governs.

One YAML file a person or committee. Reads and checks; `targets.intake` writes. A role without an
end, or with one to come, is held now; a person without one has left.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from crm.core.errors import Refused
from crm.targets import rules, statehouses
from crm.targets.sources import folders
from crm.targets.sources.facts import (
    BodyFacts,
    ContactFacts,
    Intake,
    SeatFacts,
    TargetFacts,
    TermFacts,
)
from crm.targets.sources.folders import Folder
from crm.targets.sources.reading import Document, Progress, Record, parse

PUBLIC_ADDRESS = "https://github.com/openstates/people/archive/refs/heads/main.zip"
#: Folders of a state. Only the first is needed; what is not there of the others stays as it is.
PARTS = ("legislature", "executive", "municipalities", "committees")
PEOPLE = PARTS[:3]

_SOURCE = "openstates/people (CC0)"
_PERSON = re.compile(r"ocd-person/[0-9a-f-]{36}")
_ORGANIZATION = re.compile(r"ocd-organization/([0-9a-f-]{36})")
_JURISDICTION = re.compile(
    r"ocd-jurisdiction/country:us/(?:state|district|territory):([a-z]{2})"
    r"(?:/((?:place|county):[^/]+))?/government"
)
_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2}))?")
_ADDRESS = re.compile(r"^(.*?),?\s+([^,]+),\s*([A-Z]{2})[\s,]+(\d{5}(?:-\d{4})?)$", re.DOTALL)
_BREAKS = re.compile(r"\s*(?:;|\r?\n)\s*")
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "v"})
_OFFICES = {"capitol": "Capitol", "district": "District", "district-mail": "District mail",
            "primary": "Office"}  # fmt: skip
#: Key under `ids`, name of the network, what its links look like.
_NETWORKS = {
    "twitter": ("X", "https://x.com/{}"),
    "facebook": ("Facebook", "https://www.facebook.com/{}"),
    "instagram": ("Instagram", "https://www.instagram.com/{}"),
    "youtube": ("YouTube", "https://www.youtube.com/{}"),
}


def read(
    place: str,
    *,
    state: str | None = None,
    public: str = "",
    today: date,
    progress: Progress | None = None,
) -> Intake:
    """Read a state's folder, a checkout, a zip or an https address. Raises `Refused`.

    A place of two letters (`wv`) is that state of `public`, or else of the public address.
    """
    origin = place
    if folders.is_state(place):
        state, place = place, public or PUBLIC_ADDRESS
        origin = f"{place} ({state.lower()})"
    wanted = folders.checked_state(state) if state else None
    folder = folders.read_folder(place, PARTS, wanted)
    folder.origin = origin
    return gather(folder, state=wanted, today=today, progress=progress)


def read_sent(name: str, content: bytes, *, state: str | None = None, today: date) -> Intake:
    """Read a zip somebody sent: a state's folder, or that of all. Raises `Refused`."""
    wanted = folders.checked_state(state) if state else None
    return gather(folders.read_sent(name, content, PARTS, wanted), state=wanted, today=today)


@dataclass
class _Reading:
    """The work in hand: whose state it is, people by id, what to warn of."""

    intake: Intake
    area: str | None
    files: dict[str, str] = field(default_factory=dict)
    people: dict[str, TargetFacts] = field(default_factory=dict)
    bare: int = 0
    unknown: Counter[str] = field(default_factory=Counter)


def gather(
    folder: Folder, *, state: str | None, today: date, progress: Progress | None = None
) -> Intake:
    """Check a state's files, one by one, and put their facts together."""
    if not folder.files.get("legislature"):
        raise Refused(_("%(place)s has no files of a legislature.", place=folder.origin))
    intake = Intake(
        importer="openstates",
        origin=folder.origin,
        source=_SOURCE,
        day=today,
        scheme="openstates",
        targets=[],
        contact_parts=("openstates/",),
        of_the_post=("openstates/capitol/",),
        is_numbered=True,
        has_seats="committees" in folder.files,
    )
    work = _Reading(intake, state)
    total = len(folder)
    done = 0
    for part in PARTS:
        documents = []
        for name, content in folder.files.get(part, {}).items():
            documents.append(parse(f"{part}/{name}", content))
            done += 1
            if progress:
                progress(done, total)
        if part == "committees":
            _committees(documents, work)
        else:
            for document in documents:
                _person(document, work)
            _add_bodies(work, part, is_there=part in folder.files)
    intake.targets = list(work.people.values())
    _warn(work)
    return intake


def _add_bodies(work: _Reading, part: str, *, is_there: bool) -> None:
    """The bodies a part speaks for in full, once its people said whose they are."""
    if not is_there or work.area is None:
        return
    area, intake = work.area, work.intake
    keys = [each.key for each in statehouses.chambers(area)]
    if part != "legislature":
        keys = [f"us-{area.lower()}/{'executive' if part == 'executive' else 'local'}"]
    intake.chambers |= frozenset(keys)
    # And those people were in before; some are none of this state's now (Nebraska's Senate).
    for key in [*keys, *(seat.body for seat in intake.posts.values())]:
        if key not in intake.bodies:
            name, is_chamber = statehouses.body_name(area, key.rpartition("/")[2])
            kind = "chamber" if is_chamber else "other"
            intake.bodies[key] = BodyFacts(key, name, kind, None, "US", None)


def _record(document: Document, intake: Intake) -> Record:
    """The record of a file, which sentences name by its id and name as far as they are there."""
    data = document.data
    known = []
    if isinstance(data, dict):
        known = [str(data[key])[:80] for key in ("id", "name") if isinstance(data.get(key), str)]
    return Record(document.name, ", ".join(known) or _("the record"), data, intake.warnings)


def _whose(record: Record, holder: dict[str, Any], path: str, work: _Reading) -> str | None:
    """Check that a jurisdiction is this state's; gives its place, of a town's offices."""
    text = record.needed(holder, "jurisdiction", path)
    found = _JURISDICTION.fullmatch(text)
    area = found[1].upper() if found else ""
    if found is None or area not in rules.STATES:
        raise record.wrong(
            f"{path}jurisdiction", _("is no state's: %(value)s", value=repr(text[:100]))
        )
    if work.area is None:
        work.area = area
    if area != work.area:
        raise record.wrong(
            f"{path}jurisdiction",
            _("is of %(state)s, not of %(other)s",
              state=rules.area_name(area), other=rules.area_name(work.area)),
        )  # fmt: skip
    place: str | None = found[2]
    return place


# People and their roles


def _person(document: Document, work: _Reading) -> None:
    record = _record(document, work.intake)
    data = record.data
    number = record.needed(data, "id")
    if not _PERSON.fullmatch(number):
        raise record.wrong("id", _("is not an ocd-person: %(value)s", value=repr(number[:60])))
    if number in work.people:
        raise record.wrong(
            "id", _("is there twice; the other is in %(file)s", file=work.files[number])
        )
    name = record.needed(data, "name")
    given, family = record.text(data, "given_name"), record.text(data, "family_name")
    suffix = record.text(data, "suffix")
    if not family:
        given, family, suffix = _parts(name, given, suffix)
    terms, last = _terms(record, work)
    others = [
        record.needed(each, "name", f"other_names[{place}].")
        for place, each in _groups(record, "other_names")
    ]
    gender = record.text(data, "gender")
    work.files[number] = document.name
    work.people[number] = TargetFacts(
        identifier=number,
        columns={
            "kind": "legislator" if last.body.endswith(statehouses.CHAMBERS) else "official",
            "name": name,
            "sort_name": rules.sort_name(name, given, family),
            "search": rules.searchable(name, given, family, *others, last.label, last.area),
            "given_name": given,
            "family_name": family,
            "additional_name": record.text(data, "middle_name"),
            "suffix": suffix,
            "salutation": statehouses.salutation(last.role, family),
            "gender": gender.lower() if gender else None,
            "country": "US",
        },
        identifiers=_identifiers(record, number),
        terms=terms,
        contacts=_contacts(record, work),
    )


def _parts(name: str, given: str | None, suffix: str | None) -> tuple[str | None, str, str | None]:
    """Given name, family name and suffix of a name that comes without its parts."""
    words = name.replace(",", " ").split()
    if len(words) > 2 and words[-1].strip(".").lower() in _SUFFIXES:
        suffix = suffix or words[-1]
        words.pop()
    family = words.pop()
    return given or (words[0] if words else None), family, suffix


def _groups(record: Record, key: str, path: str = "") -> Iterable[tuple[int, dict[str, Any]]]:
    """The rows of a list, each a group of fields, with their places."""
    for place, row in enumerate(record.rows(record.data, key)):
        if not isinstance(row, dict):
            raise record.wrong(f"{path}{key}[{place}]", _("is not a group of fields"))
        yield place, row


def _terms(record: Record, work: _Reading) -> tuple[list[TermFacts], rules.Seat]:
    """The posts held, and the one the person is known by: the present, else the last."""
    record.rows(record.data, "roles", required=True)
    parties = _parties(record)
    today = work.intake.day
    held: dict[tuple[str, date | None, date | None], TermFacts] = {}
    for place, role in _groups(record, "roles"):
        path = f"roles[{place}]."
        seat = _seat(record, role, path, work)
        starts_on = _day(record, role, "start_date", path)
        ends_on = _day(record, role, "end_date", path, is_end=True)
        if starts_on and ends_on and ends_on < starts_on:
            # Real files have this, where a role was copied: the end tells which role is meant.
            wrong = record.wrong(f"{path}end_date", _("is before its start"))
            told = _("%(wrong)s. The role is kept without its first day.", wrong=wrong.message)
            work.intake.warnings.append(told)
            starts_on = None
        work.intake.posts.setdefault(seat.key, seat)
        # Of a seat held twice, roles without a first day are told apart by their last.
        first = (seat.key, starts_on, None if starts_on else ends_on)
        term = TermFacts(
            post_key=seat.key,
            starts_on=starts_on,
            ends_on=ends_on,
            party=_party(parties, min(ends_on or today, today)),
            caucus=None,
            is_current=_is_held(starts_on, ends_on, today),
        )
        if held.setdefault(first, term) != term:
            raise record.wrong("roles", _("hold the same seat twice from the same day"))
    terms = list(held.values())
    best = max(
        range(len(terms)),
        key=lambda n: (
            terms[n].is_current,
            terms[n].ends_on or date.max if not terms[n].is_current else date.max,
            terms[n].starts_on or date.min,
            -n,
        ),
    )
    # Of several held at once one is the present; files name the first in importance first.
    terms = [
        term._replace(is_current=term.is_current and place == best)
        for place, term in enumerate(terms)
    ]
    return terms, work.intake.posts[terms[best].post_key]


def _is_held(starts_on: date | None, ends_on: date | None, today: date) -> bool:
    return (starts_on is None or starts_on <= today) and (ends_on is None or ends_on >= today)


def _seat(record: Record, role: dict[str, Any], path: str, work: _Reading) -> rules.Seat:
    kind = record.needed(role, "type", path, most=60)
    place = _whose(record, role, path, work)
    area = work.area or ""
    if kind not in statehouses.CHAMBERS:
        if "/" in kind:
            raise record.wrong(f"{path}type", _("is no role: %(value)s", value=repr(kind)))
        return statehouses.office(area, kind, place)
    return statehouses.seat(area, kind, record.needed(role, "district", path, most=100))


def _day(
    record: Record, holder: dict[str, Any], key: str, path: str, *, is_end: bool = False
) -> date | None:
    """A date or None. Of a year or a month alone its first day or, at an end, its last."""
    text = record.text(holder, key, path)
    if text is None:
        return None
    if (found := _PARTIAL.fullmatch(text)) is None:
        return record.day(holder, key, path)
    year, month = int(found[1]), int(found[2] or 0)
    if not 1 <= year < 9999 or (found[2] and not 1 <= month <= 12):
        raise record.wrong(path + key, _("is not a date: %(value)s", value=repr(text)))
    if not is_end:
        return date(year, month or 1, 1)
    following = date(year + 1, 1, 1) if month in (0, 12) else date(year, month + 1, 1)
    return following - timedelta(days=1)


@dataclass(frozen=True)
class _Party:
    name: str
    since: date | None
    until: date | None


def _parties(record: Record) -> list[_Party]:
    return [
        _Party(
            record.needed(each, "name", f"party[{place}]."),
            _day(record, each, "start_date", f"party[{place}]."),
            _day(record, each, "end_date", f"party[{place}].", is_end=True),
        )
        for place, each in _groups(record, "party")
    ]


def _party(parties: list[_Party], day: date) -> str | None:
    """The party on a day; of somebody in several at once all, the first first."""
    then = [
        each
        for each in parties
        if (each.since is None or each.since <= day) and (each.until is None or each.until >= day)
    ]
    # One without dates is today's: it does not hold beside one that is known to have held then.
    ended = [each for each in then if each.until is not None]
    return "/".join(dict.fromkeys(each.name for each in ended or then)) or None


def _identifiers(record: Record, number: str) -> list[tuple[str, str]]:
    found = [("openstates", number)]
    for place, each in _groups(record, "other_identifiers"):
        path = f"other_identifiers[{place}]."
        scheme = record.needed(each, "scheme", path, most=60)
        found.append((scheme, record.needed(each, "identifier", path)))
    return list(dict.fromkeys(found))


# Ways to reach them


def _contacts(record: Record, work: _Reading) -> list[ContactFacts]:
    contacts: list[ContactFacts] = []
    if email := record.text(record.data, "email"):
        kind = "email" if rules.looks_like_email(email) else "web form"
        contacts.append(ContactFacts("openstates/email", kind, "Capitol", email, None))
    numbers: Counter[str] = Counter()
    for place, office in _groups(record, "offices"):
        path = f"offices[{place}]."
        kind = record.needed(office, "classification", path, most=60)
        numbers[kind] += 1
        key = f"openstates/{kind}" + (f"-{numbers[kind]}" if numbers[kind] > 1 else "")
        label = record.text(office, "name", path, most=100) or _OFFICES.get(
            kind, kind.replace("-", " ").capitalize()
        )
        contacts += _office(record, office, path, key, label, work)
    for place, link in _groups(record, "links"):
        if address := record.address(link, "url", f"links[{place}]."):
            note = record.text(link, "note", f"links[{place}].", most=100)
            label = note.capitalize() if note else "Official site"
            contacts.append(
                ContactFacts(f"openstates/link/{place}", "website", label, address, None)
            )
    ids = record.data.get("ids")
    if ids is not None:
        ids = record.within(record.data, "ids", "")
        for name, (network, shape) in _NETWORKS.items():
            if account := record.text(ids, name, "ids."):
                value = account if rules.is_link(account) else shape.format(account.lstrip("@"))
                contacts.append(
                    ContactFacts(f"openstates/social/{network}", "social", network, value, None)
                )
    return contacts


def _office(
    record: Record, office: dict[str, Any], path: str, key: str, label: str, work: _Reading
) -> list[ContactFacts]:
    contacts = []
    written = office.get("address")
    if isinstance(written, str):
        # Lines are kept where the file has them: the reading of a line would join them.
        written = "; ".join(_BREAKS.split(written.strip()))
    if address := record.text({"address": written}, "address", path):
        if address.strip(" ,") == work.area:
            work.bare += 1
        else:
            value, parts = _written(address)
            contacts.append(ContactFacts(f"{key}/postal", "postal", label, value, parts))
    for name, kind in (("voice", "phone"), ("fax", "fax"), ("email", "email")):
        if number := record.text(office, name, path):
            contacts.append(ContactFacts(f"{key}/{kind}", kind, label, number, None))
    return contacts


def _written(address: str) -> tuple[str, dict[str, str] | None]:
    """An address in lines, and its parts where its end is a town, a state and a ZIP."""
    lines = [line.strip(" ,") for line in _BREAKS.split(address)]
    lines = [line for line in lines if line]
    found = _ADDRESS.match(f", {lines[-1]}")
    if found is None:
        return "\n".join(lines), None
    before, town, state, code = found.groups()
    town = town.strip()
    lines = [*lines[:-1], *([before.strip(" ,")] if before.strip(" ,") else [])]
    parts = {"locality": town, "region": state, "postal_code": code}
    if lines:
        parts["street"] = ", ".join(lines)
    return "\n".join([*lines, f"{town}, {state} {code}"]), parts


# Committees


def _committees(documents: list[Document], work: _Reading) -> None:
    records: dict[str, Record] = {}
    for document in documents:
        record = _record(document, work.intake)
        found = _ORGANIZATION.fullmatch(record.needed(record.data, "id"))
        if found is None:
            raise record.wrong(
                "id",
                _("is not an ocd-organization: %(value)s", value=repr(record.data["id"][:60])),
            )
        if found[1] in records:
            raise record.wrong(
                "id", _("is there twice; the other is in %(file)s", file=records[found[1]].file)
            )
        records[found[1]] = record
    # A committee stands before its subcommittees; one that is its own ancestor never stands.
    waiting = list(records)
    keys: dict[str, str] = {}
    while waiting:
        later = []
        for number in waiting:
            record = records[number]
            above = record.text(record.data, "parent")
            found = _ORGANIZATION.fullmatch(above) if above else None
            if above and (found is None or found[1] not in records):
                raise record.wrong(
                    "parent", _("is no committee here: %(value)s", value=repr(above))
                )
            if found and found[1] not in keys:
                later.append(number)
            else:
                keys[number] = _committee(record, number, keys[found[1]] if found else None, work)
        if len(later) == len(waiting):
            raise records[later[0]].wrong("parent", _("leads back to itself"))
        waiting = later


def _committee(record: Record, number: str, above: str | None, work: _Reading) -> str:
    _whose(record, record.data, "", work)
    area, intake = work.area or "", work.intake
    chamber = record.needed(record.data, "chamber")
    if chamber not in statehouses.CHAMBERS:
        raise record.wrong(
            "chamber", _("is not upper, lower or legislature: %(value)s", value=repr(chamber))
        )
    place = statehouses.chamber(area, chamber)
    if place.key not in intake.bodies:
        # Joint committees are of the whole legislature, which is no chamber of its own.
        intake.bodies[place.key] = BodyFacts(place.key, place.name, "other", None, "US", None)
    parent = above or place.key
    key = f"{parent}/{number}"
    links = [record.address(link, "url", f"links[{at}].") for at, link in _groups(record, "links")]
    intake.bodies[key] = BodyFacts(
        key=key,
        name=record.needed(record.data, "name"),
        classification="subcommittee" if above else "committee",
        parent_key=parent,
        country="US",
        url=next((link for link in links if link), None),
    )
    seated: set[str] = set()
    for at, row in _groups(record, "members"):
        path = f"members[{at}]."
        person = record.text(row, "person_id", path)
        title = record.text(row, "role", path, most=100)
        facts = work.people.get(person or "")
        if facts is None:
            work.unknown["person"] += 1
        elif person in seated:
            work.unknown["twice"] += 1
        else:
            seated.add(person or "")
            shown = None if title in (None, "member") else title[:1].upper() + title[1:]
            facts.seats.append(SeatFacts(key, shown, None, None))
    return key


def _warn(work: _Reading) -> None:
    told = work.intake.warnings
    if number := work.unknown["person"]:
        told.append(
            ngettext(
                "%(num)s member of a committee is none of the people here and was left out.",
                "%(num)s members of committees are none of the people here and were left out.",
                number,
            )
        )
    if number := work.unknown["twice"]:
        told.append(
            ngettext(
                "%(num)s member is named twice in a committee and was left out.",
                "%(num)s members are named twice in a committee and were left out.",
                number,
            )
        )
    if number := work.bare:
        told.append(
            ngettext(
                "%(num)s address is the state alone and was left out.",
                "%(num)s addresses are the state alone and were left out.",
                number,
            )
        )
