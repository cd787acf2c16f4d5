"""Contracts: what they may say, how they are loaded, and the tables that models join.

Belongs here: the terms of an agreement, amendments, alternatives, calendars and zones in seconds.
Does not belong here: what a term yields (dbt models), and anything about delivered files.
"""
