"""What commands show or write from what is published: status, proofs, reports, dbt docs.

Does not belong here: what the command line looks like (`cli`), and how figures are worded
(`makegood.dashboards`).
"""
