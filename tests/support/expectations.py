"""Great Expectations without a process of its own."""

from dataclasses import asdict

from makegood.expectations.protocol import ExpectationResult, Suite, suites_from
from makegood.orchestration.pipeline.validation import Validation


def evaluated(suites: list[Suite]) -> list[ExpectationResult]:
    """The results of suites, handed over as the worker is handed them."""
    # importing Great Expectations takes seconds
    from makegood.expectations.suites import validate

    return validate(suites_from([asdict(s) for s in suites]))


class InProcess(Validation):
    """A worker that is a part of the test's own process."""

    def start(self) -> None:
        self.suites: list[Suite] = []

    def begin(self, suites: list[Suite]) -> None:
        self.suites += suites

    def results(self) -> list[ExpectationResult]:
        return evaluated(self.suites)
