"""What the demo's people write: invented texts about real treaties, with fields.

No figure stands in them as a number: each is read from the ledger on the day it is approved.
"""

from dataclasses import dataclass

from crm.demo_data.year import CLUSTER, MINES
from crm.texts.own_fields import OwnField


@dataclass(frozen=True)
class Draft:
    """A text in one language; `approved` by the coordinator, who did not write it."""

    name: str
    kind: str
    campaign: str
    body: str
    subject: str | None = None
    language: str = "en"
    approved: bool = True
    fields: tuple[OwnField, ...] = ()


POSTCARD, LETTER = "Postcard to Congress", "Letter to a government of the Pacific"

TEXTS = (
    Draft(
        POSTCARD,
        "postcard",
        MINES,
        "((target.salutation)),\n\n"
        "((mbt.joined)) states have joined the Mine Ban Treaty. Ours has not. Please speak up for "
        "joining it, so that no child steps on a mine again.\n\n"
        "((why it matters to me))",
        fields=(
            OwnField(
                "why it matters to me",
                kind="hand",
                help="One or two sentences, in your own words.",
            ),
        ),
    ),
    Draft(
        LETTER,
        "letter",
        CLUSTER,
        "((target.salutation)),\n\n"
        "we are students of ((chapter.name)). We write to ask ((target.name)) to accede to the "
        "Convention on Cluster Munitions.\n\n"
        "((ccm.joined)) states have joined. Each state that joins makes it harder for anybody to "
        "use these weapons, and sends help to where they lie.\n\n"
        "((mbt.state_party??((target.name)) is a State Party to the Mine Ban Treaty already. The "
        "Convention on Cluster Munitions is the other half of that promise.\n\n))"
        "We would be glad to hear what stands in the way, and to tell our school about your "
        "answer.",
        subject="Acceding to the Convention on Cluster Munitions",
    ),
    Draft(
        LETTER,
        "letter",
        CLUSTER,
        "((target.salutation)),\n\n"
        "Nous sommes des élèves de ((chapter.name)) et nous vous demandons d’adhérer à la "
        "Convention sur les armes à sous-munitions. ((ccm.joined)) États l’ont déjà fait.\n\n"
        "Nous serions heureux de connaître votre réponse.",
        subject="Adhésion à la Convention sur les armes à sous-munitions",
        language="fr",
        approved=False,
    ),
    Draft(
        "Asking an office for a meeting",
        "meeting-request",
        MINES,
        "((target.salutation)),\n\n"
        "a group of students would like to meet you or your staff for half an hour about "
        "the Mine Ban Treaty, on ((day we propose)) or whenever it suits you.\n\n"
        "We would bring the postcards our class wrote.",
        subject="A meeting with students about landmines",
        fields=(OwnField("day we propose", kind="date"),),
    ),
    Draft(
        "Calling an office",
        "phone-script",
        MINES,
        "My name is ((member.first_name)), and I go to school in West Virginia.\n\n"
        "I am calling to ask ((target.name)) to support joining the Mine Ban Treaty. "
        "Could you tell me where the office stands on it?\n\n"
        "(Listen. Write down who answered and what they said. Say thank you.)",
        approved=False,
    ),
)


@dataclass(frozen=True)
class Errand:
    """A task handed out by hand; days are counted from today, and may lie behind."""

    title: str
    #: First name of who does it; None: the pool.
    who: str | None
    due_in: int
    channel: str | None = None
    campaign: str | None = None
    note: str | None = None
    #: What help was asked for.
    help: str | None = None
    #: Minutes it took, of one that is done.
    took: int | None = None
    repeats: str | None = None


ERRANDS = (
    Errand("Bring stamps from the post office", "Caleb", 2, took=None),
    Errand(
        "Call our senators' offices in the district",
        "Caleb",
        -3,
        channel="call",
        campaign=MINES,
        note="Both have an office in Charleston. Be polite, and write down who answered.",
    ),
    Errand("Draw the poster for the hall", "Zoë", 5),
    Errand(
        "Ask the art teacher for thick paper",
        "Mateo",
        1,
        help="She is away this week. Whom else can I ask?",
    ),
    Errand("Count the cards in the box", "Keisha", -8, took=25),
    Errand("Tell the class what came back", "Anjali", 6, repeats="weekly"),
    Errand("Write to the school paper about the cards", None, 12),
)
