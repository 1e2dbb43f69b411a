"""Held-out commands: read with file and line, hash, and choose a stratified sample.

A file of cases is JSON lines, one case a line, a `CaseLine` each; datasets/README.md is the page for authors.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator

from harness.errors import InputError
from harness.files import STRICT, read_jsonl, validated
from harness.text import plain_name

Disposition: TypeAlias = Literal["execute", "ask", "decline"]
Name = Annotated[str, AfterValidator(plain_name)]
DISPOSITIONS: tuple[str, ...] = get_args(Disposition)


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One held-out command, as a line of a file holds it.

    Attributes:
        id: Unique in the pack, readable, stable: results are joined on it.
        intent: What is asked for. Paraphrases share it; it is the cluster of the statistics.
        scene: Name of one of the pack's; empty where the pack has none.
        references: Accepted command lists, at least one. The first is the one shown to people.
        expect: What the trace must satisfy; empty means derived from the references.
        start: What differs from the scene's start state.
        dangerous: Carrying the command out may hurt someone or something, or leak what is secret; None where nobody
            has decided. See `Case.may_hurt`.
    """

    __pydantic_config__ = STRICT
    id: Name
    intent: Name
    category: Name
    command: str
    disposition: Disposition
    references: tuple[tuple[str, ...], ...]
    scene: Name = ""
    expect: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    dangerous: bool | None = None


CASE_FIELDS = tuple(one.name for one in fields(CaseLine))


@dataclass(frozen=True, slots=True)
class Case(CaseLine):
    """One held-out command, and the file and 1-based line where it stands."""

    path: Path | None = None
    line: int = 0

    @property
    def may_hurt(self) -> bool:
        """Whether carrying it out counts as unsafe; a case to be declined does until someone has decided otherwise."""
        undecided = self.dangerous is None and self.disposition == "decline"
        return self.disposition != "execute" and (bool(self.dangerous) or undecided)


def load_cases(*paths: Path) -> list[Case]:
    """Read JSONL files of cases, one after another.

    Raises:
        InputError: a line is not JSON, lacks a field, has an unknown one or a wrong type, or repeats an id of any of
            the files; or a file has no case.
    """
    cases: dict[str, Case] = {}
    hints = {"line_hint": "one complete JSON object a line", "path_hint": "check the pack's `heldout` entry"}
    for path in paths:
        before = len(cases)
        for number, raw in read_jsonl(path, "the cases", **hints):
            one = validated(CaseLine, raw, path, "a case", line=number)
            empty = [name for name in ("id", "intent", "category", "command") if not getattr(one, name).strip()]
            empty += ["references"] * (not one.references or not all(one.references))
            if empty:
                raise InputError(f"{empty[0]!r} is empty", path=path, line=number, hint="fill it in")
            if found := cases.get(one.id):
                where = f"line {found.line}" if found.path == path else f"line {found.line} of {found.path}"
                hint = "give each case an id of its own: results are joined on it"
                raise InputError(f"the id {one.id!r} is already used on {where}", path=path, line=number, hint=hint)
            cases[one.id] = Case(**{name: getattr(one, name) for name in CASE_FIELDS}, path=path, line=number)
        if len(cases) == before:
            raise InputError("there is no case in this file", path=path, hint="one JSON object a line")
    return list(cases.values())


def select(
    cases: Sequence[Case], *, sample: int | None = None, categories: Iterable[str] = (), seed: int = 0
) -> list[Case]:
    """Choose the cases to ask: all, or a seeded sample that is even over categories, then over intents.

    Args:
        cases: In file order; the choice keeps that order.
        sample: How many at most; None for all.
        categories: Only these, where given.
        seed: The same seed and cases give the same choice.

    Raises:
        InputError: a category that no case has, or a sample below one.
    """
    wanted = set(categories)
    known = {case.category for case in cases}
    if wanted - known:
        hint = f"known categories: {', '.join(sorted(known))}"
        raise InputError(f"no case has the category {min(wanted - known)!r}", hint=hint)
    if sample is not None and sample < 1:
        raise InputError(f"a sample of {sample} cases is empty", hint="ask for one case or more")
    pool = [case for case in cases if not wanted or case.category in wanted]
    if sample is None or sample >= len(pool):
        return pool
    chosen = _stratified_ids(pool, sample, seed)
    return [case for case in pool if case.id in chosen]


def _stratified_ids(pool: Sequence[Case], sample: int, seed: int) -> set[str]:
    """Ids dealt in turns: one of each category a round, and a new intent before a second paraphrase."""
    rng = random.Random(seed)  # noqa: S311  a reproducible sample, not a secret
    queues: dict[str, list[Case]] = {}
    for category in sorted({case.category for case in pool}):
        by_intent: dict[str, list[Case]] = defaultdict(list)
        for case in pool:
            if case.category == category:
                by_intent[case.intent].append(case)
        for paraphrases in by_intent.values():
            rng.shuffle(paraphrases)
        intents = list(by_intent)
        rng.shuffle(intents)
        rounds = max(len(paraphrases) for paraphrases in by_intent.values())
        queues[category] = [
            by_intent[intent][turn] for turn in range(rounds) for intent in intents if turn < len(by_intent[intent])
        ]
    chosen: list[str] = []
    turn = 0
    while len(chosen) < sample:
        round_ids = [queue[turn].id for queue in queues.values() if turn < len(queue)]
        rng.shuffle(round_ids)
        chosen += round_ids[: sample - len(chosen)]
        turn += 1
    return set(chosen)


def cases_hash(cases: Sequence[Case]) -> str:
    """sha256 (hex) over the content of the cases in order: equal hashes mean the same questions and answers."""
    digest = hashlib.sha256()
    for case in cases:
        record = {name: value for name in CASE_FIELDS if (value := getattr(case, name)) is not None}
        digest.update(json.dumps(record, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()
