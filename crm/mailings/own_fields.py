"""What a text asks for itself, as a form that makes something of the text carries it."""

from collections.abc import Sequence

from flask import request

from crm.texts.own_fields import OwnField

#: Characters of one answer.
_MOST = 4000


class WithOwnFields:
    """A part of a form: `mailings/_own_fields.html` shows it."""

    #: The text's own fields, once a text was chosen.
    own_fields: Sequence[OwnField] = ()

    def own_value(self, own: OwnField) -> str:
        """What was typed for one of them."""
        return request.form.get(f"own-{own.key}", "")[:_MOST]

    @property
    def values(self) -> dict[str, str]:
        """What was typed, by key."""
        return {own.key: value for own in self.own_fields if (value := self.own_value(own).strip())}
