"""Landing: from new files of a landing folder to typed, immutable Parquet in the warehouse.

Belongs here: which files are new, what is kept of them, how landed files are repaired, and what a
feed looks like beside its past. Does not belong here: a contract's terms, and formats of files.
"""
