"""Run the tests of each plugin in an environment of its own.

Each is a fresh virtual environment above the one that this runs in, which has ds2kit's wheel and
no plugin: so a plugin sees ds2kit and itself, and PyTorch is not installed again for each.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    plugins = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
    if not plugins:
        print("plugins/ holds no plugin")
        return 1
    failed = [plugin.name for plugin in plugins if not passes(plugin)]
    print(f"failed: {', '.join(failed)}" if failed else f"{len(plugins)} plugins passed")
    return 1 if failed else 0


def passes(plugin: Path) -> bool:
    """Whether the plugin installs, and its tests pass."""
    print(f"--- {plugin.name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        python = above(Path(folder) / "environment")
        # ds2kit is there; what else the plugin needs is installed with it, and compiled by nobody.
        install = ["pip", "install", "--quiet", "--no-build-isolation", str(plugin)]
        pinned = ["--only-binary", ":all:", "-c", str(ROOT / "constraints.txt")]
        commands = ([*install, *pinned], ["pytest", "--import-mode=importlib", "tests"])
        return all(
            subprocess.run([python, "-m", *command], cwd=plugin).returncode == 0
            for command in commands
        )


def above(folder: Path) -> str:
    """The Python of a new virtual environment that also sees what is installed here."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", purelib], check=True, capture_output=True, text=True)
    lower = sysconfig.get_path("purelib")
    (Path(own.stdout.strip()) / "lower.pth").write_text(lower + "\n")
    return python


if __name__ == "__main__":
    sys.exit(main())
