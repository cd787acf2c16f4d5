"""Feeds: one YAML file each, how their values are typed, and how a bad value is described.

Belongs here: what a row may be. Does not belong here: how a file is read (`readers`) or kept
(`landing`), and what rows mean together (dbt models).
"""
