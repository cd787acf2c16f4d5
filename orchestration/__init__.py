"""The only room that knows all others: the command line, the run, and Dagster over the same run.

Belongs here: order of work, settings, publication. Does not belong here: rules (dbt models) and
reading (ingestion).
"""
