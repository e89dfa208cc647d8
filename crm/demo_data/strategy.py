"""The invented strategy of the demo's state campaign: goals, objectives, and what measures them."""

from dataclasses import dataclass

NAME = "Strategy for a world without mines and cluster munitions"
SUMMARY = (
    "Over three years the schools of West Virginia help more states to join both treaties, move "
    "their own members of Congress, and grow into a campaign that lasts."
)
APPROVED_BY = "the council of the three schools"
DOCUMENT = "https://example.org/strategy.pdf"
OUTLINE = """
I More states join the treaties, and those that joined keep them
1a Each of the seven Pacific states outside the cluster munition treaty hears from our schools
1b Governments that are written to answer
1c The number of States Parties keeps rising

II Our own country comes closer to both treaties
2a Every member of the delegation knows what young people of the state ask
2b Offices answer with substance, and meet us in the district
2c Members of the delegation come out in favour

III The campaign grows and lasts
3a More pupils take part, and learn to lead
3b What schools spend on stamps and paper falls
3c People affected by mines are heard in our schools
"""


@dataclass(frozen=True)
class Measure:
    """An indicator: a count with what it is asked, or one that is entered.

    `plan` are the baseline and the targets by (kind, months from the beginning, value), `actuals`
    values by (months, value, source).
    """

    objective: str
    text: str
    unit: str = ""
    count: str | None = None
    channel: str = ""
    campaign: str = ""
    figure: str = ""
    falls: bool = False
    plan: tuple[tuple[str, int, float], ...] = ()
    actuals: tuple[tuple[int, float, str], ...] = ()


_TREASURER = "Accounts of the treasurer"
MEASURES = (
    Measure("1a", "Letters to governments outside the treaty", "letters", "pieces", "letter",
            plan=(("baseline", 0, 0), ("target", 12, 60), ("target", 36, 250))),
    Measure("1a", "Governments reached", "governments", "targets", campaign="cluster",
            plan=(("baseline", 0, 0), ("target", 36, 7))),
    Measure("1b", "Of all who were written to or met, part that answered", "%", "answered",
            plan=(("baseline", 0, 0), ("target", 36, 60))),
    Measure("1c", "States Parties to the Convention on Cluster Munitions", "states", "figure",
            figure="ccm.joined", plan=(("baseline", 0, 111), ("target", 36, 120))),
    Measure("1c", "States Parties to the Mine Ban Treaty", "states", "figure",
            figure="mbt.joined", plan=(("baseline", 0, 164), ("target", 36, 168))),
    Measure("2a", "Postcards to the delegation", "postcards", "pieces", "postcard",
            plan=(("baseline", 0, 0), ("target", 12, 300), ("target", 36, 1000))),
    Measure("2a", "Everything that was written, said and done", "pieces and acts", "pieces",
            plan=(("baseline", 0, 0), ("target", 36, 2500))),
    Measure("2b", "Meetings with members of Congress or their staff", "meetings", "pieces",
            "meeting", plan=(("baseline", 0, 0), ("target", 12, 4), ("target", 36, 15))),
    Measure("2b", "Answers that came", "answers", "answers",
            plan=(("baseline", 0, 0), ("target", 36, 120))),
    Measure("2c", "Targets in favour", "targets", "supporters",
            plan=(("baseline", 0, 0), ("target", 36, 3))),
    Measure("3a", "Pupils who took part by name", "pupils", "members",
            plan=(("baseline", 0, 0), ("target", 36, 60))),
    Measure("3a", "Pupils who led a team or an action", "pupils",
            plan=(("baseline", 0, 3), ("target", 12, 6), ("target", 36, 15)),
            actuals=((4, 5, "Lists of the three schools"), (10, 7, "Lists of the three schools"))),
    Measure("3b", "Stamps and paper for each hundred pieces", "dollars", falls=True,
            plan=(("baseline", 0, 78), ("target", 36, 50)),
            actuals=((5, 77, _TREASURER), (9, 74.5, _TREASURER))),
    Measure("3c", "Visits by survivors and deminers", "visits",
            plan=(("baseline", 0, 0), ("target", 36, 6)),
            actuals=((6, 1, "School newsletter of Larkspur"),)),
    Measure("3c", "Schools that teach about both treaties", "schools",
            plan=(("baseline", 0, 1), ("target", 36, 3))),
)  # fmt: skip
#: Which campaigns work for which objectives.
WORK = {
    "1a": ("cluster",),
    "1b": ("cluster",),
    "2a": ("mines",),
    "2b": ("mines",),
    "2c": ("mines",),
}
