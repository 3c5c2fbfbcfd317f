"""Whether a recipe's requirements are installed: python requirements.py FILE; status 1 if not.

pip would build a plugin of the repository anew each time, and not without a network.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def missing(requirements: Path) -> list[str]:
    """The lines that are not met: `NAME==VERSION`, or `-e FOLDER` of a distribution."""
    lines = [line.partition("#")[0].strip() for line in requirements.read_text().splitlines()]
    wanted = [line for line in lines if line and not line.startswith("-c ")]
    return [line for line in wanted if not _met(line, requirements.parent)]


def _met(line: str, folder: Path) -> bool:
    name, _, wanted = line.partition("==")
    try:
        if line.startswith("-e "):
            project = folder / line.removeprefix("-e ") / "pyproject.toml"
            name = tomllib.loads(project.read_text("utf-8"))["project"]["name"]
        return version(name) == wanted or not wanted
    except (FileNotFoundError, PackageNotFoundError):  # pip will say what it thinks of it
        return False


if __name__ == "__main__":
    sys.exit(bool(missing(Path(sys.argv[1]))))
