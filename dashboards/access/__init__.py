"""Who may see what: roles, policies of tables, and the reader that makes every query of people.

Nothing here needs Streamlit. Does not belong here: pages, and the file `access.yaml`.
"""
