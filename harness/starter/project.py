"""What every first project has around its pack: suites, policy, workflow, and the files that make pytest find them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from harness import __version__
from harness.config import Settings
from harness.errors import InputError
from harness.files import write_whole
from harness.pack import bundled
from harness.policy import DEFAULT_POLICY, POLICY_FILE

_TEMPLATES = Path(__file__).parents[1] / "templates" / "init"


@contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """Refuse a folder that holds anything, and a file; what cannot be written within is the user's error."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("there is something here already", path=folder, hint="name a new or an empty folder")
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=error.filename or folder) from None


def project_names(folder: Path, settings: Settings, candidate: str, incumbent: str) -> dict[str, str]:
    """What stands for each @NAME@ that the templates of every project have; the models are files of recordings."""
    return {
        "NAME": re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "robot",
        "VERSION": __version__,
        "RECORDING": candidate,
        "CANDIDATE": f"recorded:pack/recordings/{candidate}",
        "INCUMBENT": f"recorded:pack/recordings/{incumbent}",
        "BASE": settings.base_model,
        "DATA": settings.data_model,
        "DECODING": "\n".join(f"{key} = {json.dumps(value)}" for key, value in asdict(settings.decoding).items()),
    }


def fill(template: str, path: Path, names: Mapping[str, str]) -> None:
    """Write a template, its @NAMES@ filled in."""
    text = (_TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    write_whole(path, re.sub(r"@([A-Z]+)@", lambda match: names[match[1]], text))


def write_around(folder: Path, names: Mapping[str, str], readme: str) -> None:
    """Everything but the pack's own commands, calls and prompts."""
    for template in ("pytest.ini", "conftest.py"):
        fill(template, folder / template, names)
    fill(readme, folder / "README.md", names)
    fill("gitignore", folder / ".gitignore", names)
    fill("github/gonogo.yml", folder / ".github" / "workflows" / "gonogo.yml", names)
    for suite in bundled("suites").glob("test_*.py"):
        write_whole(folder / "suites" / suite.name, suite.read_bytes())
    write_whole(folder / "pack" / POLICY_FILE, (bundled("datasets") / DEFAULT_POLICY).read_bytes())


def write_baseline(folder: Path) -> None:
    """Run the new suites once, as their user would, and keep what fails as known.

    Raises:
        InputError: they do not run; with what pytest said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--update-baseline", "-p", "no:cacheprovider"],
        cwd=folder,
        # Nothing of the caller's own pytest settings or plugins: they are for other tests.
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InputError(f"the new suites do not run:\n{done.stdout}{done.stderr}", path=folder)
