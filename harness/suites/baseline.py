"""What failed before: a small committed file that tells a regression from a known failure.

Only the ids that fail are kept, by suite, with hashes of what they were judged on. Whatever is not in it passed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from harness.errors import InputError

Judgements: TypeAlias = Mapping[str, Mapping[str, bool]]  # suite -> case id -> whether the model is right

FOLDER = "baselines"
_ABOUT = "Cases that fail, by suite: known failures. Whatever is not here must pass. Written by --update-baseline."


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known failures.

    Attributes:
        model: Spec of the model they were written for.
        hashes: Of all cases of the pack, its profile, its robot module, the system message and the decoding.
        failing: Suite -> case ids. A suite that is not here was never judged: nothing is known of it.
    """

    model: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    failing: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def knows(self, suite: str, case_id: str) -> bool:
        """Whether a case failed before."""
        return case_id in self.failing.get(suite, ())

    def differs(self, hashes: Mapping[str, str]) -> list[str]:
        """Names of what has changed since."""
        return [name for name, value in hashes.items() if self.hashes.get(name, value) != value]


def baseline_path(name: str, folder: Path) -> Path:
    """Where a baseline is: a file, or a name under `baselines/` beside the suites."""
    return Path(name) if name.endswith(".json") else folder / FOLDER / f"{name}.json"


def read_baseline(path: Path, *, required: bool) -> Baseline | None:
    """Read a baseline; None where there is no such file.

    Raises:
        InputError: it cannot be used, or is required and not there.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Baseline(
            model=str(raw["model"]),
            hashes={str(name): str(value) for name, value in raw["hashes"].items()},
            failing={str(suite): frozenset(map(str, ids)) for suite, ids in raw["failing"].items()},
        )
    except FileNotFoundError:
        if not required:
            return None
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.json"))) or "none"
        hint = f"known here: {known}; --update-baseline writes one"
        raise InputError("there is no such baseline", path=path, hint=hint) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the baseline cannot be used: {type(error).__name__} {error}",
            path=path,
            hint="restore it, or remove it and write it anew with --update-baseline",
        ) from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline, sorted, so that a change shows as the lines that changed.

    Raises:
        InputError: the file cannot be written.
    """
    record = {
        "about": _ABOUT,
        "model": baseline.model,
        "hashes": dict(sorted(baseline.hashes.items())),
        "failing": {suite: sorted(ids) for suite, ids in sorted(baseline.failing.items())},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write the baseline: {error.strerror}", path=path, hint="choose another with --baseline FILE"
        ) from None


def updated(
    old: Baseline | None,
    model: str,
    hashes: Mapping[str, str],
    judged: Judgements,
    known: frozenset[str],
) -> Baseline:
    """A baseline after a run: what was judged is as it was found, the rest stays as it was.

    Args:
        old: The one before; None for none.
        model: Spec of this run's.
        hashes: Of this run.
        judged: What was judged in it.
        known: Ids of all cases of the pack.

    Raises:
        InputError: not everything was judged, and the rest is of another pack, profile, prompt or decoding.
    """
    failing = {suite: frozenset(one for one, right in ids.items() if not right) for suite, ids in judged.items()}
    before = old or Baseline()
    for suite, ids in before.failing.items():
        left = known - set(judged.get(suite, ()))
        if left and (changed := before.differs(hashes)):
            raise InputError(
                f"the baseline is not written: {', '.join(changed)} changed since it was made, and {len(left)} cases "
                f"of {suite} were not judged again",
                hint="run all its suites and cases with --update-baseline, or remove the file first",
            )
        failing[suite] = failing.get(suite, frozenset()) | (ids & left)
    return Baseline(model, hashes, failing)
