"""The process: imports Great Expectations, then takes one job as a line of JSON and answers with one line.

python -m makegood.expectations.worker
"""

import contextlib
import json
import logging
import sys
import warnings
from dataclasses import asdict

from makegood.expectations.protocol import job_from


def main() -> None:
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        from makegood.expectations.suites import validate

        line = sys.stdin.readline()
        if not line:
            return  # the run ended before there was anything to validate
        results = [asdict(r) for r in validate(job_from(json.loads(line)))]
    answers.write(json.dumps(results, default=str) + "\n")


if __name__ == "__main__":
    main()
