"""Seeded answers for benchmarks: six right commands each, arguments drawn anew, so that answers hardly repeat."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from harness.sdk.profile import CallSpec, Param, Profile

COMMANDS = 6


def distinct_answers(profile: Profile, count: int, seed: int = 0) -> list[str]:
    """That many different answers."""
    drawn: dict[str, None] = {}
    answers = endless_answers(profile, seed)
    while len(drawn) < count:
        drawn[next(answers)] = None
    return list(drawn)


def endless_answers(profile: Profile, seed: int = 0) -> Iterator[str]:
    """Answers without end and without memory, each a list of six commands of the profile in JSON's quotes."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, nothing secret
    specs = [c for c in profile.calls if c.tier == "allow" and not c.nested_only and not c.alone]
    while True:
        yield json.dumps([_command(rng.choice(specs), profile, rng) for _ in range(COMMANDS)])


def _command(spec: CallSpec, profile: Profile, rng: random.Random) -> str:
    given = [p for p in spec.params or () if p.required or p.required_if or rng.random() < 0.5]
    arguments = ", ".join(f"{p.name}={_value(p, profile, rng)}" for p in given)
    return f"self.{spec.path}({arguments})"


def _value(param: Param, profile: Profile, rng: random.Random) -> str:
    if param.type.startswith("call:"):
        return _command(profile.by_path[param.type.removeprefix("call:")], profile, rng)
    if param.enum or param.type == "bool":
        return repr(rng.choice([v for v in param.enum or (True, False) if v not in param.deny]))
    if param.type == "float":
        return repr(round(rng.uniform(param.min or 0, param.max or 0), 3))
    if param.type == "int":
        return repr(rng.randint(int(param.min or 0), int(param.max or 0)))
    if param.type == "list[str]":
        return repr([_words(rng, "_") for _ in range(3)])
    return repr(_words(rng, "_" if param.pattern else " "))


def _words(rng: random.Random, between: str) -> str:
    return between.join("".join(rng.choices("abcdefghijklmnoprstu", k=rng.randint(3, 8))) for _ in range(2))
