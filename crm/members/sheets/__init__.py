"""Members by roster: a class list, a sign-up sheet, last year's spreadsheet.

`fields` and `meaning` say what columns mean, `rules` reads one row, `check` judges every row before
anything is written and asks `likeness` who may be here already, `store` keeps the verdicts between
the pages, `compare` says what a row would change, `writing` writes, `undo` takes an import back.
"""
