"""Queries for claims of our own, under contracts in which we are the customer (C8)."""

from makegood.dashboards.figures.queries import CREDITS

# all claims, with the same columns beside them as credits have
OWN_CLAIMS = CREDITS.replace("marts.credits as", "marts.own_claims as")
assert OWN_CLAIMS != CREDITS
