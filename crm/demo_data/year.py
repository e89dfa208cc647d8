"""A school year of outreach: what was done, in which order. Days are chosen when it is loaded.

Public officials are targets here and nothing more: no position, promise or quotation is put into
anybody's mouth, and every note and summary says that it is demo data.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

MARK = "Demo data."

MINES = "Mine Ban Treaty postcards to Congress"
CLUSTER = "Cluster munitions letters to the Pacific"

#: Governments of the Pacific that are outside the Convention on Cluster Munitions, by ISO 3166.
#: Source: UN Treaty Collection, chapter XXVI-6, status as at 3 February 2026.
PACIFIC_OUTSIDE = ("FM", "KI", "MH", "PG", "SB", "TO", "TV")

MINES_ASKS = (
    "Support the United States joining the Mine Ban Treaty",
    "Speak to colleagues about the treaty",
    "Meet with students from home",
)
CLUSTER_ASKS = (
    "Accede to the Convention on Cluster Munitions",
    "Attend the next Meeting of States Parties",
    "Make a public statement on cluster munitions",
)


@dataclass(frozen=True)
class Deed:
    """One thing done. `aim` is how many of the campaign's targets it reached, taken in turn.

    `chapters` are letters (h hollow, s sorrel, l larkspur, m state); `named` is how many members
    are named; `each` pieces for each of them, the rest of the pieces being the unnamed tally.
    """

    channel: str
    campaign: str
    chapters: str
    pieces: int
    aim: int
    named: int
    place: str
    note: str
    each: int = 1
    minutes: int | None = None
    days: int = 1
    people: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


def _cards(chapters: str, pieces: int, named: int, each: int, note: str, **more: Any) -> Deed:
    return Deed("postcard", MINES, chapters, pieces, 4, named, "Classroom", note, each, **more)


def _letters(chapters: str, pieces: int, named: int, each: int, note: str, **more: Any) -> Deed:
    return Deed("letter", CLUSTER, chapters, pieces, 7, named, "Library", note, each, **more)


def _emails(campaign: str, chapters: str, pieces: int, aim: int, named: int, note: str) -> Deed:
    details = {"subject": "From students in West Virginia", "way": "web form"}
    if campaign == CLUSTER:
        details = {"subject": "Please join the convention", "way": "e-mail"}
    place = "Computer room" if len(chapters) == 1 and chapters != "m" else "At home"
    return Deed(
        "email", campaign, chapters, pieces, aim, named, place, note, 1, 20 * named, details=details
    )


def _calls(chapters: str, pieces: int, aim: int, named: int, result: str, note: str) -> Deed:
    return Deed(
        "call", MINES, chapters, pieces, aim, named, "At home", note, 1, 10 * pieces,
        details={"result": result, "spoke_to": "Front desk"},
    )  # fmt: skip


def _post(campaign: str, chapters: str, aim: int, named: int, reached: int, note: str) -> Deed:
    tag = "#BanLandmines" if campaign == MINES else "#joinCCM"
    details = {"network": "Mastodon", "hashtag": tag, "reached": str(reached)}
    return Deed("social", campaign, chapters, 1, aim, named, "Online", note, details=details)


def _event(
    campaign: str, chapters: str, named: int, title: str, audience: int, place: str, note: str
) -> Deed:
    return Deed(
        "event", campaign, chapters, 1, 0, named, place, note, minutes=120 * named,
        people=named + 4, details={"title": title, "audience": str(audience)},
    )  # fmt: skip


def _meeting(
    campaign: str, chapters: str, aim: int, named: int, mode: str, place: str, note: str
) -> Deed:
    return Deed(
        "meeting", campaign, chapters, 1, aim, named, place, note, minutes=45 * named,
        details={"met_with": "Staff of the office", "mode": mode},
    )  # fmt: skip


def _statement(campaign: str, chapters: str, aim: int, named: int, title: str, note: str) -> Deed:
    details = {"title": title, "published_in": "The school paper"}
    return Deed("statement", campaign, chapters, 1, aim, named, "Online", note, details=details)


def _petition(
    campaign: str, chapters: str, aim: int, named: int, signatures: int, note: str
) -> Deed:
    details = {"signatures": str(signatures), "received_by": "Front desk"}
    return Deed("petition", campaign, chapters, 1, aim, named, "District office", note,
                minutes=30 * named, details=details)  # fmt: skip


# One deed a line reads best.
# fmt: off
#: In order. The last ones fall into the days just before the demo is loaded.
DEEDS = (
    _event(MINES, "h", 5, "Welcome evening", 40, "School cafeteria", "New members came."),
    _cards("h", 12, 6, 2, "Written at lunch."),
    _post(MINES, "h", 0, 2, 210, "Photo of the pile of cards, no faces."),
    _emails(MINES, "l", 8, 4, 4, "Two messages to each office."),
    _letters("s", 8, 8, 1, "By hand, one page each.", days=2),
    _calls("h", 4, 4, 4, "voicemail", "Called after school hours."),
    _event(CLUSTER, "s", 4, "What is a cluster munition?", 26, "Sorrel Creek library",
           "Talk for the seventh grade."),
    _cards("sl", 18, 9, 2, "Joint session of two schools by video.", minutes=540),
    _post(CLUSTER, "s", 3, 1, 95, "Map of the Pacific drawn by the art club."),
    _emails(CLUSTER, "s", 7, 7, 5, "One message to each government."),
    _meeting(MINES, "hm", 1, 3, "video", "Online", "Half an hour; we brought three stories."),
    _letters("hs", 14, 10, 1, "Two letters to each government; ten signed by name."),
    _calls("l", 6, 3, 3, "contact", "Each caller told why it matters to them."),
    _cards("h", 9, 9, 1, "After the film in history class."),
    _statement(MINES, "m", 4, 2, "Why West Virginia students write",
               "Opinion piece in the school papers."),
    _post(MINES, "l", 4, 2, 320, "Named the four offices and linked the treaty text."),
    _emails(MINES, "h", 12, 4, 6, "Twelve messages in one lesson."),
    _event(MINES, "hsl", 8, "The Light Within", 130, "Hollowbrook gallery",
           "Exhibit of student art with a candle for each country."),
    _letters("l", 7, 7, 1, "One letter each, posted together."),
    _calls("hm", 8, 4, 5, "contact", "Phone evening with the state campaign."),
    _post(CLUSTER, "l", 0, 1, 140, "Twelve reasons, one a day."),
    _cards("h", 22, 11, 2, "The whole club, two cards each.", minutes=660, people=11),
    _emails(CLUSTER, "l", 7, 7, 3, "With the drawing of the art club attached."),
    _petition(MINES, "hsl", 2, 4, 412, "Signatures collected at three schools."),
    _letters("s", 7, 5, 1, "Two without a name, as the writers wished."),
    _calls("s", 4, 4, 2, "voicemail", "Left the same short message."),
    _meeting(MINES, "hlm", 3, 6, "in person", "Charleston", "One meeting with three offices."),
    _post(MINES, "m", 3, 1, 510, "Thanked the three offices for their time."),
    _cards("s", 15, 12, 1, "Sixth grade; three cards without a name."),
    _letters("hl", 14, 7, 2, "Printed text, signed by hand.", minutes=420),
    _statement(CLUSTER, "m", 0, 1, "The Pacific can lead", "Read aloud at the evening."),
    _emails(MINES, "s", 6, 4, 3, "From the computer room."),
    _event(CLUSTER, "l", 3, "Documentary evening", 58, "Larkspur Fork auditorium",
           "Film, then questions."),
    _calls("l", 5, 4, 3, "unavailable", "Busy lines all afternoon."),
    Deed("letter", MINES, "h", 8, 4, 4, "Library", "Handwritten, two to each office.", 2, 240),
    _post(CLUSTER, "h", 7, 2, 260, "Tagged the seven missions."),
    _cards("hl", 20, 10, 1, "Half of the cards came without names from the corridor table."),
    Deed("postcard", CLUSTER, "s", 14, 7, 7, "Classroom", "Painted cards.", 2),
    _letters("h", 10, 5, 1, "Five named, five from the parents' evening."),
    _petition(CLUSTER, "sl", 7, 3, 188, "Sent to the missions in New York as a scan."),
    _emails(CLUSTER, "h", 8, 7, 4, "A reminder of the letters."),
    Deed("letter", MINES, "m", 4, 4, 2, "At home", "Letter of the state campaign.", 2),
    _statement(MINES, "hsl", 0, 3, "We keep writing", "Read at the assembly of three schools."),
    _calls("h", 6, 2, 3, "contact", "Asked for a meeting in the district."),
    _meeting(CLUSTER, "m", 1, 2, "video", "Online", "First talk with a mission, 20 minutes."),
    _post(MINES, "s", 0, 1, 175, "A card seen close, the writer's hand only."),
    _cards("s", 16, 8, 2, "Start of the new cards.", days=2),
    _emails(MINES, "m", 4, 4, 1, "Invitation to the exhibit."),
    _event(MINES, "s", 4, "Shoe pyramid", 85, "Sorrel Creek town square",
           "A pair of shoes for every day of the campaign."),
    _letters("s", 7, 4, 1, "Four signed, three not."),
    _calls("hl", 7, 4, 5, "call back", "Two offices asked us to call again."),
    _emails(CLUSTER, "m", 7, 7, 1, "Cover letter of the state campaign."),
    _post(CLUSTER, "s", 0, 1, 88, "The painted cards, before they were posted."),
    Deed("postcard", CLUSTER, "hl", 14, 7, 0, "Cafeteria", "Table at lunch, nobody named."),
    _meeting(MINES, "h", 1, 4, "in person", "District office", "Students told of their cards."),
    _statement(CLUSTER, "sl", 7, 2, "Seven letters, seven stamps", "In two school papers."),
    _calls("m", 4, 4, 1, "contact", "Thanked the offices for the meeting."),
    _petition(MINES, "l", 1, 2, 96, "Handed over with a drawing."),
    _letters("l", 7, 3, 1, "Written during the free period."),
    _post(MINES, "hsl", 4, 3, 640, "Three schools, one sentence each."),
    _emails(MINES, "l", 8, 4, 4, "Four writers, two offices each."),
    _cards("l", 12, 6, 1, "Six named, six from the open day."),
    _calls("h", 5, 4, 3, "contact", "Short calls in the lunch break."),
    _cards("h", 12, 4, 3, "Four members wrote three each."),
    _emails(CLUSTER, "s", 7, 7, 2, "Asked for news of the letters."),
)
# fmt: on


def is_school_day(day: date) -> bool:
    """Whether a school of the demo has class: weekdays outside of its holidays."""
    if day.weekday() >= 5:
        return False
    of_year = (day.month, day.day)
    summer = (6, 12) <= of_year <= (8, 18)
    winter = of_year >= (12, 20) or of_year <= (1, 4)
    thanksgiving = (11, 24) <= of_year <= (11, 30)
    spring = (3, 28) <= of_year <= (4, 5)
    return not (summer or winter or thanksgiving or spring)


def days_for(number: int, today: date) -> list[date]:
    """`number` days in the year before `today`, oldest first, spread over its school days.

    The last tenth falls into the days that end today, holidays or not, so that the demo is fresh
    whenever it is loaded.
    """
    fresh = max(1, number // 10)
    before = (today - timedelta(days=n) for n in range(1, 4 * fresh))
    late = [day for day in before if day.weekday() < 5][: fresh - 1]
    first = today - timedelta(days=364)
    earlier = (first + timedelta(days=n) for n in range(364 - 2 * fresh))
    school = [day for day in earlier if is_school_day(day)]
    steps = number - fresh
    return [school[place * len(school) // steps] for place in range(steps)] + [*late[::-1], today]
