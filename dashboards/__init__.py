"""Everything that reads the published database for people: pages, reports, proofs and exports.

Belongs here: who may see which rows (`access`), how figures are queried and named (`figures`), and
how they are shown (`app`, `reports`, `proof`, `exports`).
Does not belong here: calculating figures (dbt models), and landed files.
"""
