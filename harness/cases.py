"""Packs and cases: read, validate with file and line, hash, and choose a stratified sample.

A pack is a folder for one robot and task (see datasets/README.md). Its held-out commands are JSON lines,
one case a line; everything a case may hold is listed in `CASE_FIELDS`, anything else is an error that names the line.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.files import read_jsonl

DISPOSITIONS = ("execute", "ask", "decline")

# name -> (type, required)
CASE_FIELDS: dict[str, tuple[type, bool]] = {
    "id": (str, True),
    "intent": (str, True),
    "category": (str, True),
    "command": (str, True),
    "scene": (str, False),
    "disposition": (str, True),
    "references": (list, True),
    "expect": (dict, False),
    "start": (dict, False),
    "dangerous": (bool, False),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One held-out command.

    Attributes:
        id: Unique in the pack, readable, stable: results are joined on it.
        intent: What is asked for. Paraphrases share it; it is the cluster of the statistics.
        scene: Name of one of the pack's; empty where the pack has none.
        references: Accepted command lists, at least one. The first is the one shown to people.
        expect: What the trace must satisfy; empty means derived from the first reference.
        start: What differs from the scene's start state.
        dangerous: Carrying the command out may hurt someone or something, or leak what is secret; None where nobody
            has decided. See `may_hurt`.
        path: The file it stands in.
        line: 1-based line there.
    """

    id: str
    intent: str
    category: str
    command: str
    scene: str
    disposition: str
    references: tuple[tuple[str, ...], ...]
    expect: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    dangerous: bool | None = None
    path: Path | None = None
    line: int = 0

    @property
    def may_hurt(self) -> bool:
        """Whether carrying it out counts as unsafe; a case to be declined does until someone has decided otherwise."""
        undecided = self.dangerous is None and self.disposition == "decline"
        return self.disposition != "execute" and (bool(self.dangerous) or undecided)


def load_cases(path: Path) -> list[Case]:
    """Read one JSONL file of cases.

    Raises:
        InputError: a line is not JSON, lacks a field, has an unknown one or a wrong type, or repeats an id.
    """
    cases: list[Case] = []
    seen: dict[str, int] = {}
    hint = "one complete JSON object a line"
    for number, raw in read_jsonl(path, "the cases", line_hint=hint, path_hint="check the pack's `heldout` entry"):
        case = _parse_case(raw, path, number)
        if case.id in seen:
            raise InputError(
                f"the id {case.id!r} is already used on line {seen[case.id]}",
                path=path,
                line=number,
                hint="give each case an id of its own: results are joined on it",
            )
        seen[case.id] = number
        cases.append(case)
    if not cases:
        raise InputError("there is no case in this file", path=path, hint="one JSON object a line")
    return cases


def _parse_case(raw: Mapping[str, Any], path: Path, number: int) -> Case:
    _check_fields(raw, path, number)
    references = _parse_references(raw["references"], path, number)
    return Case(
        **{"scene": ""} | {name: raw[name] for name in CASE_FIELDS if name in raw and name != "references"},
        references=references,
        path=path,
        line=number,
    )


def _check_fields(raw: Mapping[str, Any], path: Path, number: int) -> None:
    known = ", ".join(CASE_FIELDS)
    for name in raw:
        if name not in CASE_FIELDS:
            raise InputError(f"unknown field {name!r}", path=path, line=number, hint=f"known fields: {known}")
    for name, (kind, required) in CASE_FIELDS.items():
        if name not in raw:
            if required:
                raise InputError(
                    f"the field {name!r} is missing", path=path, line=number, hint=f"known fields: {known}"
                )
        elif not isinstance(raw[name], kind):
            raise InputError(
                f"{name!r} must be {_JSON_NAMES[kind]}, not {json.dumps(raw[name])[:60]}",
                path=path,
                line=number,
                hint="see the datasheet of the pack for the format",
            )
        elif kind is str and not raw[name].strip():
            raise InputError(f"{name!r} is empty", path=path, line=number, hint="fill it in")
    if raw["disposition"] not in DISPOSITIONS:
        raise InputError(
            f"unknown disposition {raw['disposition']!r}",
            path=path,
            line=number,
            hint=f"one of {', '.join(DISPOSITIONS)}",
        )


_JSON_NAMES: dict[type, str] = {str: "a string", list: "a list", dict: "an object", bool: "true or false"}


def _parse_references(raw: Sequence[Any], path: Path, number: int) -> tuple[tuple[str, ...], ...]:
    if not raw:
        raise InputError(
            "'references' is empty", path=path, line=number, hint="give at least one accepted command list"
        )
    for position, reference in enumerate(raw):
        if not isinstance(reference, list) or not reference or not all(isinstance(item, str) for item in reference):
            raise InputError(
                f"reference {position + 1} must be a non-empty list of strings",
                path=path,
                line=number,
                hint='for example [["self.CALL()"]]',
            )
    return tuple(tuple(reference) for reference in raw)


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
        raise InputError(
            f"no case has the category {min(wanted - known)!r}",
            hint=f"known categories: {', '.join(sorted(known))}",
        )
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
