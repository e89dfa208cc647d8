"""Any other targets by spreadsheet: MPs, ministers, embassies, companies.

`fields` and `meaning` say what columns mean, `rules` reads one row, `check` judges every row before
anything is written, `store` keeps the verdicts between the pages, `writing` writes, `undo` takes
an import back whole.
"""
