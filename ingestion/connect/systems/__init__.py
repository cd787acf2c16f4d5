"""The systems that can be read: one module each, found by its being in this folder.

A module has `SYSTEM`, and everything that is only this system's: how its API is asked, which files
people export from it, what its tables look like, and what its records mean.
"""

import importlib
import pkgutil
from functools import cache
from typing import Any

from makegood.ingestion.connect.system import System


@cache
def systems() -> dict[str, System[Any]]:
    """All systems by name."""
    found = [
        importlib.import_module(f"{__name__}.{info.name}").SYSTEM
        for info in pkgutil.iter_modules(__path__)
    ]
    return {system.name: system for system in sorted(found, key=lambda system: system.name)}
