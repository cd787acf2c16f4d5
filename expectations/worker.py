"""The process: imports Great Expectations, then answers each line of suites (JSON) with one line
of results, until there are no more.

python -m makegood.expectations.worker
"""

import contextlib
import json
import logging
import sys
import warnings
from dataclasses import asdict

from makegood.expectations.protocol import suites_from


def main() -> None:
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        from makegood.expectations.suites import validate

        for line in sys.stdin:
            results = [asdict(r) for r in validate(suites_from(json.loads(line)))]
            print(json.dumps(results), file=answers, flush=True)


if __name__ == "__main__":
    main()
