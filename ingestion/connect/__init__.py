"""From where the data is: records of real systems, as they write them, to the feeds.

Three ways lead to the same records: a system's API (`api`), the files that people export from it
(`exports`), and the tables that Fivetran, Airbyte or dlt made of it (`tables`). They are kept as
they came (`raw`), one function a system makes rows of feeds of them (`systems/<system>.py`), and
`deliver` writes what changed below the landing folder. Each system is one file, found by its
folder; `connect.yaml` holds the few names that nobody can guess (`settings`).

Does not belong here: typing and checking of feeds, which happens to these files as to any others.
"""
