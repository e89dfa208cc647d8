"""The fields every text can use: what each is called, and which of them a text asks for.

One list, shown beside the editor and asked on saving. Keys are compared as `rules.key_of` makes
them. Live figures are those of the treaty ledger; a text's own fields come on top.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from flask_babel import lazy_gettext as _l

from crm.texts.rules import key_of
from crm.treaties import figures
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.queries import Ledger


@dataclass(frozen=True)
class Known:
    """A field there is for every text. A flag is so or not, and is asked in a condition."""

    name: str
    label: Any
    group: str
    is_flag: bool = False

    @property
    def key(self) -> str:
        """What it is compared by."""
        return key_of(self.name)


GROUPS = {
    "target": _l("The target"),
    "member": _l("Who signs"),
    "campaign": _l("Campaign and chapter"),
    "flag": _l("Conditions"),
    "figure": _l("Live figures"),
}
#: Of one treaty or of both: the state has joined by deposit and no withdrawal is in effect.
STATE_PARTY = "state_party"
_FLAGS = {f"{treaty.lower()}.{STATE_PARTY}": treaty for treaty in INSTRUMENTS}
CATALOGUE = (
    Known("target.salutation", _l("How the letter begins: Dear Senator Alpha"), "target"),
    Known("target.name", _l("Name"), "target"),
    Known("target.family_name", _l("Family name"), "target"),
    Known("target.title", _l("Title: Senator"), "target"),
    Known("target.office", _l("Office: U.S. Senator for West Virginia"), "target"),
    Known("target.envelope", _l("First line of the address: The Honorable Ann Alpha"), "target"),
    Known("target.closing", _l("How the letter ends: Sincerely"), "target"),
    Known("target.state", _l("State"), "target"),
    Known("target.district", _l("District"), "target"),
    Known("target.country", _l("Country"), "target"),
    Known("target.party", _l("Party"), "target"),
    Known("member.first_name", _l("First name, with consent"), "member"),
    Known("member.full_name", _l("Full name, with consent"), "member"),
    Known("member.chapter", _l("Their chapter"), "member"),
    Known("chapter.name", _l("Chapter that sends it"), "campaign"),
    Known("campaign.title", _l("Title of the campaign"), "campaign"),
    Known("campaign.ask", _l("First ask of the campaign"), "campaign"),
    Known("campaign.asks", _l("All asks of the campaign"), "campaign"),
    Known("today", _l("Date it is filled"), "campaign"),
    *(
        Known(name, _l("Their country is a State Party to the %(treaty)s",
                       treaty=INSTRUMENTS[treaty].short), "flag", is_flag=True)
        for name, treaty in _FLAGS.items()
    ),
    Known(STATE_PARTY, _l("Their country is a State Party to both treaties"), "flag", is_flag=True),
)  # fmt: skip
#: Key → field, of all but the live figures.
BY_KEY: Mapping[str, Known] = {each.key: each for each in CATALOGUE}
#: Key of a flag → the treaties it asks about.
FLAGS: Mapping[str, tuple[str, ...]] = {key_of(STATE_PARTY): tuple(INSTRUMENTS)} | {
    key_of(name): (treaty,) for name, treaty in _FLAGS.items()
}
_GAP = re.compile(rf"({'|'.join(key.lower() for key in INSTRUMENTS)})\.gapto:(\d{{1,6}})(@[\w-]+)?")


#: What nobody can fill where a text is written to members: there is no target, and no country.
_OF_TARGETS = frozenset({"target", "flag"})


def catalogue(*, to_members: bool = False) -> list[Known]:
    """The fields there are for a text: without those of a target where it goes to members."""
    return [each for each in CATALOGUE if not (to_members and each.group in _OF_TARGETS)]


def offered(*, to_members: bool = False) -> list[tuple[str, Any, list[tuple[str, Any]]]]:
    """What the editor shows beside the text: groups with the names and labels of their fields."""
    found: dict[str, list[tuple[str, Any]]] = {
        name: [] for name in GROUPS if not (to_members and name in _OF_TARGETS)
    }
    for each in catalogue(to_members=to_members):
        found[each.group].append((each.name, each.label))
    found["figure"] = [
        (name, f"{treaty.short}: {label}") for name, (treaty, label) in figures.FIGURES.items()
    ]
    return [(name, GROUPS[name], fields) for name, fields in found.items()]


def figure_of(key: str, ledger: Ledger | None = None) -> str | None:
    """The name of the live figure a field asks for; None when it asks for none.

    A figure of a part of the world needs the `ledger`, which knows the parts.
    """
    name = _figure_names().get(key)
    if name is not None:
        return name
    head, at, group = key.partition("@")
    if at:
        groups = _groups(ledger)
        whole = figure_of(head)
        return f"{whole}@{groups[group]}" if whole is not None and group in groups else None
    if match := _GAP.fullmatch(key):
        return f"{match[1]}.gap_to:{int(match[2])}"
    return None


@lru_cache(maxsize=1)
def _figure_names() -> dict[str, str]:
    return {key_of(name): name for name in figures.FIGURES}


def _groups(ledger: Ledger | None) -> dict[str, str]:
    """Key of a part of the world as fields compare it → as figures name it."""
    names = figures.names(ledger=ledger)
    found = (name.partition("@")[2] for name, _label in names if "@" in name)
    return {key_of(group): group for group in found}


def unknown(
    names: Mapping[str, str],
    own: Collection[str],
    ledger: Ledger | None = None,
    *,
    to_members: bool = False,
) -> dict[str, str | None]:
    """Names nobody knows → the nearest one there is, or None.

    `names` by key, as `rules.names_in` gives them; `own` the keys of the text's own fields.
    """
    known = {each.key for each in catalogue(to_members=to_members)}
    return {
        name: nearest(key, own, to_members=to_members)
        for key, name in names.items()
        if key not in known and key not in own and figure_of(key, ledger) is None
    }


def nearest(key: str, own: Collection[str] = (), *, to_members: bool = False) -> str | None:
    """The name of the field that was probably meant."""
    names = {each.key: each.name for each in catalogue(to_members=to_members)} | _figure_names()
    # `first name` is meant for `member.first_name`, `salutation` for the target's.
    for known, name in names.items():
        if known.partition(".")[2] == key:
            return name
    found = get_close_matches(key, [*names, *own], n=1, cutoff=0.75)
    return names.get(found[0], found[0]) if found else None


#: What stands in square brackets in texts that are passed on, and the field it may be. It is
#: offered and never taken for granted: `your country` is the writer's in one text, the reader's in
#: the next.
_PASTED = {
    "yourcountry": "target.country", "countryname": "target.country", "yourstate": "target.state",
    "yourname": "member.full_name", "name": "member.full_name", "signature": "member.full_name",
    "yourfirstname": "member.first_name", "yourschool": "member.chapter",
    "school": "member.chapter",
    "yourorganisation": "chapter.name", "yourorganization": "chapter.name", "date": "today",
    "insertdate": "today", "nameofambassador": "target.name", "ambassador": "target.name",
    "senatorsname": "target.name", "recipient": "target.name", "dear": "target.salutation",
}  # fmt: skip


def pasted(key: str, *, to_members: bool = False) -> str | None:
    """The field that a placeholder of a pasted text may be."""
    found = _PASTED.get(re.sub(r"['’]", "", key))
    return None if to_members and found and found.startswith("target.") else found


def locale_of(language: str) -> Locale:
    """How days and numbers are written in a text of this language."""
    try:
        return Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale("en")


def is_known(language: str) -> bool:
    """Whether days and numbers of this language are written its own way."""
    return language == "en" or locale_of(language).language != "en"
