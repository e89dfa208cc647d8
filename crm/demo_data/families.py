"""Who decides for the demo's young members, what they said, and what the members like.

All of it is invented. The school Hollowbrook is kept as one should be; in the others work is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crm.demo_data.people import DOMAIN

#: A member: the key of the chapter, and the first name.
Who = tuple[str, str]

HOLLOW, SORREL, LARKSPUR = "hollow", "sorrel", "larkspur"


@dataclass(frozen=True)
class Guardian:
    """Somebody who decides for one member or for siblings."""

    name: str
    relation: str
    children: tuple[Who, ...]
    email: str | None = None
    phone: str | None = None


def _home(name: str) -> str:
    return f"{name}@{DOMAIN}"


GUARDIANS = (
    Guardian(
        "Samira Haddad", "mother", ((HOLLOW, "Noor"), (HOLLOW, "Idris")), _home("haddad.family")
    ),
    Guardian("Gareth Wells", "father", ((HOLLOW, "Noor"), (HOLLOW, "Idris")), None, "555-0114"),
    Guardian(
        "Pilar Núñez Castro", "mother", ((HOLLOW, "Mateo"), (SORREL, "Lucía")), _home("ortega.home")
    ),
    Guardian(
        "Huy Nguyễn", "father", ((HOLLOW, "Thị Mai"), (SORREL, "Minh")), _home("nguyen.family")
    ),
    Guardian("Devika Thornbury", "mother", ((HOLLOW, "Anjali"),), _home("devika.thornbury")),
    Guardian("Joanna Mossgrove", "mother", ((HOLLOW, "Caleb"),), _home("mossgrove.home")),
    Guardian("Elin Åkerlund", "mother", ((HOLLOW, "Zoë"),), _home("elin.akerlund"), "555-0131"),
    Guardian("Marek Wierzbanowski", "father", ((HOLLOW, "Łucja"),), None, "555-0126"),
    Guardian("Maeve O'Dellaway", "aunt", ((HOLLOW, "Bram"),), _home("odellaway.home")),
    Guardian("Loretta Wintergreen", "grandmother", ((HOLLOW, "Keisha"),), None, "555-0178"),
    Guardian("Birgit Halvardsen", "mother", ((HOLLOW, "Søren"),), _home("halvardsen.home")),
    Guardian("Daniel Reyes", "father", ((HOLLOW, "Emma"),), _home("d.reyes")),
    Guardian("Karen Holt", "mother", ((HOLLOW, "Emma"),), _home("karen.holt")),
    Guardian("Sina Leaupepe", "mother", ((HOLLOW, "Tavita"),), None, "555-0150"),
    Guardian("Beth Stonecroft", "mother", ((SORREL, "Aaliyah"),), _home("stonecroft.home")),
    Guardian("Colin Pritchmore", "father", ((SORREL, "Dashiell"),), _home("c.pritchmore")),
    Guardian("Meera Chandrapal", "mother", ((SORREL, "Ravi"),), _home("chandrapal.home")),
    Guardian("Paul Eddingvale", "father", ((LARKSPUR, "Marcus"),), None, "555-0163"),
)

#: What most families said yes to on the paper of September.
MOSTLY = ("member", "contact", "first_name", "photo", "artwork", "offsite")


@dataclass(frozen=True)
class Paper:
    """One signed paper: of a guardian by name, for a child."""

    guardian: str
    child: Who
    yes: tuple[str, ...] = MOSTLY
    no: tuple[str, ...] = ()
    #: Ends so many days from now; with the school year when None.
    ends_in: int | None = None


PAPERS = (
    Paper("Devika Thornbury", (HOLLOW, "Anjali"), (*MOSTLY, "full_name", "media", "account")),
    Paper("Joanna Mossgrove", (HOLLOW, "Caleb"), (*MOSTLY, "full_name", "account"), ("media",)),
    Paper("Samira Haddad", (HOLLOW, "Noor"), (*MOSTLY, "full_name")),
    Paper("Gareth Wells", (HOLLOW, "Noor")),
    Paper("Samira Haddad", (HOLLOW, "Idris")),
    Paper("Elin Åkerlund", (HOLLOW, "Zoë"), (*MOSTLY, "full_name", "media")),
    Paper("Pilar Núñez Castro", (HOLLOW, "Mateo"), ends_in=18),
    Paper("Marek Wierzbanowski", (HOLLOW, "Łucja"), ("member", "first_name"), ("photo", "media")),
    Paper("Huy Nguyễn", (HOLLOW, "Thị Mai"), (*MOSTLY, "full_name")),
    Paper("Maeve O'Dellaway", (HOLLOW, "Bram")),
    Paper("Loretta Wintergreen", (HOLLOW, "Keisha"), MOSTLY, ("full_name", "media")),
    Paper("Daniel Reyes", (HOLLOW, "Emma"), (*MOSTLY, "full_name")),
    # Of two guardians the stricter counts.
    Paper("Karen Holt", (HOLLOW, "Emma"), ("member", "first_name"), ("photo", "full_name")),
    Paper("Pilar Núñez Castro", (SORREL, "Lucía"), ("member", "first_name", "offsite")),
    Paper("Colin Pritchmore", (SORREL, "Dashiell"), (), ("member",)),
)

#: Who took which yes back, and how many days ago.
WITHDRAWN: tuple[tuple[str, Who, str, int], ...] = (
    ("Samira Haddad", (HOLLOW, "Noor"), "photo", 9),
)

#: The fields an administrator defined: label, choices, what is asked.
FIELDS = (
    ("T-shirt size", ("Youth M", "Youth L", "S", "M", "L", "XL"), "For the day at the Capitol."),
    ("Needs the late bus", ("Yes", "No"), "Meetings end after the buses have left."),
)
SHIRT, BUS = 0, 1

#: What members can, like and speak, by `tags.KINDS`.
TAGS: Mapping[Who, Mapping[str, list[str]]] = {
    (HOLLOW, "Anjali"): {"skill": ["Public speaking", "Planning"], "language": ["Hindi"]},
    (HOLLOW, "Caleb"): {"skill": ["Photography"], "interest": ["Local history"]},
    (HOLLOW, "Noor"): {"skill": ["Calligraphy"], "language": ["Arabic", "French"]},
    (HOLLOW, "Idris"): {"interest": ["Maps"], "language": ["Arabic"]},
    (HOLLOW, "Zoë"): {"skill": ["Poster art"], "language": ["Swedish"]},
    (HOLLOW, "Mateo"): {"skill": ["Poster art"], "language": ["Spanish"]},
    (HOLLOW, "Łucja"): {"interest": ["Debate"], "language": ["Polish"]},
    (HOLLOW, "Thị Mai"): {"skill": ["Public speaking"], "language": ["Vietnamese"]},
    (HOLLOW, "Keisha"): {"skill": ["Music"], "interest": ["Debate"]},
    (HOLLOW, "Emma"): {"skill": ["Spreadsheets"]},
    (SORREL, "Lucía"): {"language": ["Spanish"], "interest": ["Drawing"]},
    (SORREL, "Öykü"): {"language": ["Turkish"]},
    ("state", "Leopold"): {"skill": ["Driving", "Deals with the press"]},
}

#: What they answered to `FIELDS`, in their order; None: not yet.
ANSWERS: Mapping[Who, tuple[str | None, str | None]] = {
    (HOLLOW, "Anjali"): ("M", "No"),
    (HOLLOW, "Caleb"): ("L", "Yes"),
    (HOLLOW, "Noor"): ("S", "Yes"),
    (HOLLOW, "Idris"): ("Youth L", "Yes"),
    (HOLLOW, "Zoë"): ("M", "No"),
    (HOLLOW, "Mateo"): ("M", "Yes"),
    (HOLLOW, "Keisha"): ("L", None),
    (HOLLOW, "Bram"): (None, "No"),
}


@dataclass(frozen=True)
class Team:
    """A team of a chapter: each on it with their part."""

    chapter: str
    name: str
    about: str
    people: tuple[tuple[str, str | None], ...]


TEAMS = (
    Team(
        HOLLOW,
        "Posters and cards",
        "Draws, counts and brings the cards to the post",
        (("Zoë", "draws"), ("Mateo", "draws"), ("Keisha", "counts the cards"), ("Bram", None)),
    ),
    Team(
        HOLLOW,
        "Visits to offices",
        "Asks for meetings in the district and goes there",
        (("Anjali", "speaks"), ("Thị Mai", "speaks"), ("Caleb", "takes notes")),
    ),
)

#: Whose age nobody has said yet: they count as minors.
AGE_UNKNOWN: frozenset[Who] = frozenset(
    {(HOLLOW, "Wren"), (SORREL, "Jasper"), (LARKSPUR, "Jun"), (LARKSPUR, "Ezra")}
)

#: Which account is whose own: the address of the account, and the member.
ACCOUNTS: tuple[tuple[str, Who], ...] = ((f"member@{DOMAIN}", (HOLLOW, "Caleb")),)
