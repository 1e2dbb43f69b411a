"""Finds a profile by file, or by name among those of the shipped packs."""

from __future__ import annotations

from pathlib import Path

from harness.errors import InputError
from harness.pack import bundled
from harness.sdk.profile import Profile, load_profile


def shipped_profiles() -> dict[str, Path]:
    """Name -> file of every profile that a shipped pack carries."""
    found = sorted(bundled("datasets").glob("*/profiles/*.json"), key=lambda path: path.stem)
    return {path.stem: path for path in found if not path.name.endswith(".signatures.json")}


def find_profile(name: str) -> Profile:
    """Load the profile that a file or a name means.

    Raises:
        InputError: there is none, or it cannot be used.
    """
    shipped = shipped_profiles()
    if name in shipped:
        return load_profile(shipped[name])
    if not Path(name).exists():
        raise InputError(f"there is no profile {name!r}", hint=f"Name a file, or one of {', '.join(shipped)}.")
    return load_profile(name)
