"""The pages, and the roles that may open them. Needs no Streamlit."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "app_pages"

LEADERSHIP, FINANCE, OPERATIONS, CUSTOMER = ROLES = (
    "leadership",
    "finance",
    "operations",
    "customer",
)
INTERNAL = frozenset({LEADERSHIP, FINANCE, OPERATIONS})


@dataclass(frozen=True)
class Listed:
    """A page. `name`: its file in `app_pages` and its address; `roles`: those that may open it."""

    name: str
    title: str
    section: str
    roles: frozenset[str]

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.py"


PAGES = (
    Listed("overview", "SLA overview", "Leadership", frozenset({LEADERSHIP, FINANCE})),
    Listed("availability", "Availability", "Leadership", INTERNAL),
    Listed("credits", "Credits", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("reconciliation", "Due and issued", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("credit_notes", "Credit notes", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("claims", "Claim calendar", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("own_claims", "Claims of our own", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("statements", "Statements", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("proof", "Proof of a credit", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("backtests", "Backtests", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("marts", "Marts and exports", "Finance", frozenset({LEADERSHIP, FINANCE})),
    Listed("tickets", "Open tickets", "Operations", frozenset({LEADERSHIP, OPERATIONS})),
    Listed("support", "Support performance", "Operations", frozenset({LEADERSHIP, OPERATIONS})),
    Listed("opinions", "Second opinions", "Operations", frozenset({LEADERSHIP, OPERATIONS})),
    Listed("coverage", "Coverage", "Operations", frozenset({LEADERSHIP, OPERATIONS})),
    Listed("maintenance", "Maintenance", "Operations", frozenset({LEADERSHIP, OPERATIONS})),
    Listed("feeds", "Feeds", "Operations", frozenset({LEADERSHIP, FINANCE, OPERATIONS})),
    Listed("runs", "Runs and alerts", "Operations", frozenset({LEADERSHIP, FINANCE, OPERATIONS})),
    Listed("report", "SLA report", "Customer", frozenset({LEADERSHIP, FINANCE, CUSTOMER})),
    Listed("ask", "Ask for a credit", "Customer", frozenset({LEADERSHIP, FINANCE, CUSTOMER})),
)


def pages_of(roles: Collection[str]) -> list[Listed]:
    """The pages that these roles may open; the first is the start page."""
    return [page for page in PAGES if page.roles & set(roles)]
