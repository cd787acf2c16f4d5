"""Everything between the outside and landed data: feeds, contracts, calendars and the readers of
formats.

Belongs here: reading, typing and storing what others deliver. Does not belong here: rules that
yield a figure (they are dbt models), orchestration, expectations, dashboards.
"""
