"""Invented chapters, members and users. Nobody here exists; every address is at example.org."""

from dataclasses import dataclass

from crm.core.access import Role

DOMAIN = "example.org"


@dataclass(frozen=True)
class Place:
    """A chapter; `key` is how the rest of the demo names it."""

    key: str
    name: str
    kind: str
    under: str | None
    place: str
    founded: int
    #: Where what its members write is answered to.
    address: str | None = None


@dataclass(frozen=True)
class Person:
    """A member. `grade` counts school years until graduation; below 0: an alumnus or alumna."""

    chapter: str
    given: str
    family: str | None
    grade: int | None = None
    email: str | None = None


@dataclass(frozen=True)
class SignIn:
    """Somebody who signs in, with a role in a chapter; everywhere without one."""

    email: str
    name: str
    role: Role
    chapter: str | None


PLACES = (
    Place("nation", "Campaign for a Mine-Free Nation", "national", None, "Washington, DC", 1992),
    Place(
        "state",
        "Mountain State Campaign to Ban Landmines",
        "state",
        "nation",
        "West Virginia",
        1998,
        "Mountain State Campaign to Ban Landmines\nP.O. Box 0\nInvented, WV 00000",
    ),
    Place(
        "hollow",
        "Hollowbrook High School",
        "school",
        "state",
        "Hollowbrook, WV",
        1999,
        "Hollowbrook High School\n1 Invented Road\nHollowbrook, WV 00000",
    ),
    Place(
        "sorrel",
        "Sorrel Creek Middle School",
        "school",
        "state",
        "Sorrel Creek, WV",
        2014,
        "Sorrel Creek Middle School\n20 Invented Road\nSorrel Creek, WV 00000",
    ),
    Place(
        "larkspur",
        "Larkspur Fork High School",
        "school",
        "state",
        "Larkspur Fork, WV",
        2021,
        "Larkspur Fork High School\n300 Invented Road\nLarkspur Fork, WV 00000",
    ),
)

USERS = (
    SignIn(f"admin@{DOMAIN}", "Marguerite Oyelowe-Finch", Role.ADMINISTRATOR, None),
    SignIn(f"staff@{DOMAIN}", "Tobias Lindqvist-Rowe", Role.STAFF, "nation"),
    SignIn(f"coordinator@{DOMAIN}", "Ruth Callowhill", Role.COORDINATOR, "state"),
    SignIn(f"leader@{DOMAIN}", "Anjali Thornbury", Role.LEADER, "hollow"),
    SignIn(f"member@{DOMAIN}", "Caleb Mossgrove", Role.MEMBER, "hollow"),
    SignIn(f"viewer@{DOMAIN}", "Henrietta Vale-Osei", Role.VIEWER, "state"),
)

_HADDAD = f"haddad.family@{DOMAIN}"
_ORTEGA = f"ortega.home@{DOMAIN}"
_NGUYEN = f"nguyen.family@{DOMAIN}"

#: Siblings share an address, many have none, two in different schools share a name.
MEMBERS = (
    Person("hollow", "Anjali", "Thornbury", 0, f"anjali.t@{DOMAIN}"),
    Person("hollow", "Caleb", "Mossgrove", 1, f"caleb.m@{DOMAIN}"),
    Person("hollow", "Noor", "Haddad-Wells", 1, _HADDAD),
    Person("hollow", "Idris", "Haddad-Wells", 3, _HADDAD),
    Person("hollow", "Zoë", "Åkerlund", 0),
    Person("hollow", "Mateo", "Ortega-Núñez", 2, _ORTEGA),
    Person("hollow", "Łucja", "Wierzbanowska", 1),
    Person("hollow", "Thị Mai", "Nguyễn-Ashby", 0, _NGUYEN),
    Person("hollow", "Bram", "O'Dellaway", 2),
    Person("hollow", "Keisha", "Wintergreen", 1),
    Person("hollow", "Søren", "Halvardsen", 3),
    Person("hollow", "Emma", "Reyes-Holt", 2),
    Person("hollow", "Wren", None, 3),
    Person("hollow", "Tavita", "Leaupepe-Marsh", 0, f"tavita.lm@{DOMAIN}"),
    Person("hollow", "Gideon", "Ferncastle", -1, f"gideon.f@{DOMAIN}"),
    Person("hollow", "Yara", "Beaumontel", -1),
    Person("hollow", "Chidi", "Okonjo-Reed", -2, f"chidi.or@{DOMAIN}"),
    Person("sorrel", "Lucía", "Ortega-Núñez", 5, _ORTEGA),
    Person("sorrel", "Minh", "Nguyễn-Ashby", 4, _NGUYEN),
    Person("sorrel", "Aaliyah", "Stonecroft", 5),
    Person("sorrel", "Finnegan", "Duskwater", 4),
    Person("sorrel", "Inês", "Carvalhais", 5),
    Person("sorrel", "Jasper", "Two-Rivers", 6),
    Person("sorrel", "Hana", "Kobayashi-Lund", 4),
    Person("sorrel", "Dashiell", "Pritchmore", 6),
    Person("sorrel", "Emma", "Reyes-Holt", 6),
    Person("sorrel", "Öykü", "Demirhan", 5),
    Person("sorrel", "Ravi", "Chandrapal", 4, f"chandrapal.home@{DOMAIN}"),
    Person("sorrel", "Poppy", "Ambersley", 6),
    Person("larkspur", "Delphine", "Rasoanaivo-Kerr", 0, f"delphine.rk@{DOMAIN}"),
    Person("larkspur", "Marcus", "Eddingvale", 1),
    Person("larkspur", "Siobhán", "Mac Giollabhuí", 2),
    Person("larkspur", "Tomasz", "Grzybowicz", 1),
    Person("larkspur", "Amara", "Diallo-Pine", 0),
    Person("larkspur", "Ezra", "Kettlewood", 3),
    Person("larkspur", "Beatriz", "Villanova-Cruz", 2),
    Person("larkspur", "Jun", "Takahara", 3),
    Person("larkspur", "Odette", "Lamarque-Boyd", -1, f"odette.lb@{DOMAIN}"),
    Person("state", "Ruth", "Callowhill", None, f"coordinator@{DOMAIN}"),
    Person("state", "Leopold", "Hartsgrave", None, f"leopold.h@{DOMAIN}"),
    Person("state", "Wilhelmina", "Adeyemo-Clay", None),
)
