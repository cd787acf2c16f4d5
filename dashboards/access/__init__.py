"""Who may see what: roles and grants, a policy for each table, and the reader of all queries.

Nothing here needs Streamlit. Does not belong here: pages, and the file `access.yaml`.
"""
