"""Only the app needs Streamlit: everything else can be imported without it."""

import subprocess
import sys
from pathlib import Path

from makegood.dashboards import app

ROOM = Path(app.__file__).parents[1]

IMPORT_ALL = """
import importlib, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "streamlit":
            raise ImportError(f"{name} is imported")

sys.meta_path.insert(0, Blocked())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_everything_but_the_app_is_imported_without_streamlit() -> None:
    modules = [
        ".".join(("makegood", "dashboards", *path.relative_to(ROOM).with_suffix("").parts))
        for path in sorted(ROOM.rglob("*.py"))
        if path.relative_to(ROOM).parts[0] != "app" and path.name != "__init__.py"
    ]
    # what the server of the command needs to know of pages is not in need of it either
    modules += ["makegood.dashboards.app.navigation", "makegood.dashboards.app.charts"]
    assert len(modules) > 25
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *modules], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
