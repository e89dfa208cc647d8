"""The progress report: a strategy or a campaign over a period, for an audience.

`asked` reads what is wished, `document` puts the tables together (`parts`, `words`), `views` shows
them, `paper` and `files` carry them away; `audiences` decides what they may show of people.
"""
