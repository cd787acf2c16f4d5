"""How published figures are queried, judged and put into words, for pages, reports and proofs.

No figure is computed here (dbt models), and none is drawn (`app`, `reports`).
"""
