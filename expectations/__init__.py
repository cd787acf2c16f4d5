"""Great Expectations over what was landed: the only room that imports it.

It is told everything as plain data (`protocol`), and runs in a process of its own, because importing Great Expectations
takes longer than a small run.
"""
