"""The proof of a credit: every step from the contract to the amount, with the rows behind it.

Belongs here: the steps (`steps`), their model (`model`) and the proof as plain text (`text`).
Does not belong here: how a page or a report lays a proof out, and any calculation of a figure.
"""

from makegood.dashboards.proof.model import NotFound, Proof, Step
from makegood.dashboards.proof.steps import prove

__all__ = ["NotFound", "Proof", "Step", "prove"]
