"""What is known of people's names: short forms, particles, and how a name sounds. Pure."""

import re
from collections import defaultdict
from functools import lru_cache

#: A name, and the short and other forms that stand for it. A form may stand for several names.
_FORMS = {
    "abigail": "abby gail", "alejandra": "alex sandra", "alejandro": "alex sandro",
    "alexander": "alex sandy sasha lex sandro", "alexandra": "alex sandra sandy sasha lexi",
    "andrew": "andy drew", "anthony": "tony antonio toni", "barbara": "barb babs",
    "benjamin": "ben benny", "catherine": "katherine kathryn cathy kathy kate katie kat kitty kay",
    "charles": "charlie chuck carlos", "christina": "chris tina christy",
    "christine": "chris tina chrissie", "christopher": "chris kit topher", "daniel": "dan danny",
    "david": "dave davey", "deborah": "deb debbie", "donald": "don", "dorothy": "dot dottie",
    "edward": "ed eddie ned ted", "eleanor": "nell nora ellie",
    "elizabeth": "liz lizzie beth betsy betty eliza libby lisa", "eugene": "gene",
    "francis": "frank fran", "francisco": "frank paco pancho", "frederick": "fred freddie",
    "gerald": "gerry jerry", "gregory": "greg", "guadalupe": "lupe", "henry": "harry hank",
    "isabel": "bella izzy", "isabella": "bella izzy", "jacob": "jake", "jacqueline": "jackie",
    "james": "jim jimmy jamie", "jeffrey": "jeff", "jennifer": "jen jenny", "jessica": "jess",
    "jesus": "chuy", "john": "jack johnny", "jonathan": "jon", "jose": "pepe",
    "joseph": "joe joey", "joshua": "josh", "kenneth": "ken kenny", "lawrence": "larry",
    "leonard": "len lenny leo", "louis": "lou louie",
    "margaret": "maggie meg peggy greta rita", "mary": "molly polly", "matthew": "matt",
    "michael": "mike mick", "nathan": "nate", "nathaniel": "nate", "nicholas": "nick nicky",
    "pamela": "pam", "patricia": "pat patty tricia trish", "patrick": "pat paddy",
    "peter": "pete", "philip": "phil", "raymond": "ray", "rebecca": "becky becca",
    "richard": "rick dick rich ricky", "robert": "bob bobby rob robbie", "ronald": "ron",
    "rosario": "charo", "rupert": "rupie", "samantha": "sam", "samuel": "sam",
    "sarah": "sally sadie", "stephen": "steven steve", "susan": "sue susie",
    "terence": "terry", "theodore": "ted teddy theo", "theresa": "teresa terry tess",
    "thomas": "tom tommy", "timothy": "tim", "victoria": "vicky tori", "vincent": "vince",
    "virginia": "ginny", "walter": "walt", "william": "bill billy will",
}  # fmt: skip
_NAMES_OF: dict[str, set[str]] = defaultdict(set)
for _name, _forms in _FORMS.items():
    for _form in (_name, *_forms.split()):
        _NAMES_OF[_form].add(_name)

#: Words before a family name that belong to it.
PARTICLES = frozenset({
    "al", "ap", "bin", "bint", "da", "dal", "de", "del", "della", "den", "der", "di", "dos", "du",
    "el", "ibn", "la", "le", "los", "mac", "mc", "o", "san", "santa", "st", "ten", "ter", "van",
    "von", "vom", "zu",
})  # fmt: skip
#: Words after a family name that belong to it.
SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})

_SOUNDS = (("ph", "f"), ("ck", "k"), ("gh", "g"), ("sch", "s"), ("sh", "s"), ("th", "t"))
_LETTERS = str.maketrans({"c": "k", "q": "k", "z": "s", "y": "i", "w": "v", "j": "i", "d": "t"})
_VOWELS = re.compile(r"(?<=.)[aeiouh]")
_DOUBLED = re.compile(r"(.)\1+")


def names_of(first: str) -> frozenset[str]:
    """The names a folded first name may stand for; itself when it is no form of any.

    Two go by the same name when these meet: `bob` and `robert`, `sam` and either of `samuel` and
    `samantha`, who are two.
    """
    return frozenset(_NAMES_OF.get(first) or (first,))


def is_full(first: str) -> bool:
    """Whether the table has forms of a folded first name: it is hardly another one's slip."""
    return first in _FORMS


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """How a folded name sounds, roughly: `Schmidt`, `Schmitt` and `Shmid` are alike."""
    for written, spoken in _SOUNDS:
        word = word.replace(written, spoken)
    if word.startswith("mac"):
        word = f"mk{word[3:]}"
    word = _VOWELS.sub("", word.translate(_LETTERS))
    return _DOUBLED.sub(r"\1", word)
