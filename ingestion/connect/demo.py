"""The files of `makegood demo`: made up, as four systems export them, with their connect.yaml."""

import shutil
from pathlib import Path

FILES = Path(__file__).parent / "demo_files"
# up to when they tell
AS_OF = "2026-08-15T00:00:00Z"


def write(folder: Path) -> Path:
    """Copies the files into a folder; its connect.yaml. Files that are there are replaced."""
    shutil.copytree(FILES, folder, dirs_exist_ok=True)
    return folder / "connect.yaml"
