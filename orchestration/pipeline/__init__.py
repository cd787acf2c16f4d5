"""The pipeline: land, validate, build, audit, publish; and what repeats it or takes it back.

Nothing of Dagster belongs here: the command line and Dagster run the same steps.
"""
