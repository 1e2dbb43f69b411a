"""What the suites test: a model, and what it is asked, from pytest's options as the command line makes its plan."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.cases import Case, select
from harness.cli import options
from harness.config import Settings, load_settings
from harness.errors import InputError
from harness.evaluation import Plan, provenance
from harness.models.specs import ModelSpec, parse_spec
from harness.pack import PROMPTS, Pack, load_pack

RECORDED = "recorded:"


@dataclass(frozen=True, slots=True)
class Subject:
    """A model under test.

    Attributes:
        plan: What it is asked; the cases are those that may become tests.
        spec: The model.
        settings: Endpoints and keys.
        hashes: Of all cases of the pack, its profile, its robot module, the system message and the decoding.
    """

    plan: Plan
    spec: ModelSpec
    settings: Settings
    hashes: Mapping[str, str]

    def cases(self) -> dict[str, Case]:
        """Id -> case."""
        return {case.id: case for case in self.plan.cases}


def load_subject(chosen: Mapping[str, Any], pack_folder: str | Path) -> Subject:
    """Read the pack and the settings, and choose model and cases.

    Args:
        chosen: pytest's options by their long names, with underscores; None where not given.
        pack_folder: Folder or name of the pack.

    Raises:
        InputError: any of them cannot be used.
    """
    pack = load_pack(pack_folder)
    settings = load_settings(pack)
    cases = pack.cases()
    prompt = chosen["prompt"] or PROMPTS[0]
    if prompt not in PROMPTS:
        raise InputError(f"unknown prompt {prompt!r}", hint=f"one of {', '.join(PROMPTS)}")
    samples = settings.samples if chosen["samples"] is None else chosen["samples"]
    if samples < 1:
        raise InputError(f"--samples {samples} asks nothing", hint="1 or more")
    whole = Plan(
        pack=pack,
        cases=tuple(cases),
        prompt=prompt,
        decoding=options.decoding(_asking(chosen), settings),
        samples=samples,
        journal=Path(chosen["runs"]) / f"{pack.name}.jsonl",
    )
    spec = parse_spec(chosen["model"], settings, pack.adapters) if chosen["model"] else default_model(pack, settings)
    made_from = provenance(whole, [spec], [])
    kinds = ("cases", "profile", "robot", "system_message")
    names = {kind: f"{kind}_sha256" for kind in kinds}
    hashes = {name: str(made_from[key]) for name, key in names.items()} | {"decoding": str(made_from["decoding"])}
    part = select(cases, sample=chosen["sample"])
    return Subject(replace(whole, cases=tuple(part)), spec, settings, hashes)


def default_model(pack: Pack, settings: Settings) -> ModelSpec:
    """The model judged where none is named: the pack's `default_model`, or else CANDIDATE_MODEL.

    A recording is named relative to the pack, and called by that name, so that it is the same on every machine.

    Raises:
        InputError: it cannot be used.
    """
    text = pack.default_model or settings.candidate_model
    if not text.startswith(RECORDED):
        return parse_spec(text, settings, pack.adapters)
    path = pack.root / text.removeprefix(RECORDED)
    return replace(parse_spec(f"{RECORDED}{path}", settings, pack.adapters), text=text)


def _asking(chosen: Mapping[str, Any]) -> argparse.Namespace:
    """The options that `harness.cli.options.decoding` reads, in its types."""
    temperature = chosen["temperature"]
    try:
        value = None if temperature is None else options.temperature(temperature)
    except (ValueError, argparse.ArgumentTypeError):
        raise InputError(f"--temperature {temperature} cannot be used", hint="0 to 2, or `default`") from None
    return argparse.Namespace(temperature=value, max_tokens=chosen["max_tokens"])
