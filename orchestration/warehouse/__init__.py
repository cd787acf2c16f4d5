"""A warehouse folder: its layout, its publications, and how it is checked and repaired.

Does not belong here: what a run does (`pipeline`), and what landed files hold (`ingestion`).
"""
