"""An invented town council that moved: what positions, the time line and the dossier show.

Real officials are targets of the demo without a position: none is put into anybody's mouth. This
council and its town do not exist.
"""

from dataclasses import dataclass

CAMPAIGN = "Town councils for a mine-free world"
COUNCIL = "Hollowbrook Town Council"
NOTE = "Demo data. An invented body of an invented town."
ASKS = (
    "Pass a resolution for the Mine Ban Treaty",
    "Invite students to speak at a session",
)


@dataclass(frozen=True)
class Step:
    """Something done so many days ago, what came back some days later, and what it showed.

    `stands` is (number of the ask, support, confidence, words).
    """

    ago: int
    channel: str
    pieces: int
    note: str
    came: tuple[int, str, str] | None = None
    stands: tuple[int, int, str, str] | None = None
    #: What was promised with it, and so many days after it came it was due.
    promised: tuple[str, int] | None = None
    #: So many days ago it was kept, and what showed it.
    kept: tuple[int, str] | None = None


#: What we promised the council: (words, made so many days ago, due so many days after).
OURS = ("Send the clerk a draft of the resolution.", 12, 26)

STEPS = (
    Step(210, "letter", 14, "A letter from each of the club.",
         (16, "referred", "the clerk passed the letters to the council."),
         (0, -1, "low", "the clerk said that the council leaves foreign matters alone.")),
    Step(150, "call", 3, "Asked for a place on the agenda."),
    Step(140, "meeting", 1, "Half an hour with the clerk and two council members.",
         (2, "meeting_offered", "the students may speak at a session in the spring."),
         (1, 1, "high", "the council put the students on the list of speakers."),
         ("Let the students speak at a session.", 110), (41, "Four students spoke.")),
    Step(128, "postcard", 22, "Drawn by the art club.",
         (9, "acknowledgement", "the clerk thanked for the cards."),
         (0, 0, "medium", "one council member is for it, one against, the others wait.")),
    Step(60, "letter", 9, "With the text of a resolution another town passed."),
    Step(41, "meeting", 1, "Four students spoke at the session.",
         (3, "commitment", "the council promised to vote on a resolution before the summer."),
         (0, 1, "medium", "the chair of the session said that a resolution is being drafted."),
         ("Vote on a resolution.", 30)),
    Step(12, "email", 5, "Thanked for the session, offered help with the text."),
)  # fmt: skip
