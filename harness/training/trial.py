"""Tries an adapter on a development split, greedily: how many answers are the list, parse, and equal the reference.

    python -m harness.training.trial --adapter go2.gguf --system system.md --examples dev.jsonl [--misses]

For tuning decisions between training runs only: `gonogo run` on the held-out commands is the evaluation.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.models.embedded import serve

_MAX_TOKENS = 512
_TIMEOUT_S = 600.0  # a long answer on a busy machine


@dataclass(frozen=True, slots=True)
class Tried:
    """One example and what the model said to it.

    Attributes:
        strict: The answer is a list of strings and nothing else.
        right: Equal to the reference as syntax trees; for asking and declining, the same of the two.
    """

    group: str
    command: str
    wanted: tuple[str, ...]
    text: str
    strict: bool
    right: bool


def judge(example: Mapping[str, Any], text: str) -> Tried:
    """Compare one answer with its reference, without running anything."""
    wanted = tuple(example["answer"])
    given = read_list(text)
    group = example.get("category") or example["skills"][0].split(".")[0]
    if wanted[0].startswith(("self.ask_operator(", "self.decline(")):
        right = given is not None and len(given) == 1 and given[0].split("(")[0] == wanted[0].split("(")[0]
    else:
        right = given is not None and [_tree(call) for call in given] == [_tree(call) for call in wanted]
    return Tried(group, example["command"], wanted, text, given is not None, right)


def read_list(text: str) -> tuple[str, ...] | None:
    """The strings of a Python list literal that is the whole text, else None."""
    if len(text) > 100_000:
        return None
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return tuple(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def _tree(call: str) -> str:
    try:
        return ast.dump(ast.parse(call, mode="eval"))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return call


def ask(base_url: str, model: str, system: str, command: str) -> str:
    """One greedy answer of a served model."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": command}]
    body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": _MAX_TOKENS}
    request = urllib.request.Request(  # noqa: S310 - the loopback address of `serve`
        f"{base_url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:  # noqa: S310 - the same
        return str(json.load(reply)["choices"][0]["message"]["content"])


def try_all(
    adapter: Path, system: str, examples: Sequence[Mapping[str, Any]], *, threads: int = 1, weights: Path | None = None
) -> list[Tried]:
    """Ask for every example and judge the answers."""
    with serve({"trial": adapter}, threads=threads, weights=weights) as served:
        texts = [ask(served.base_url, served.models[1], system, example["command"]) for example in examples]
    return [judge(example, text) for example, text in zip(examples, texts, strict=True)]


def table(tried: Sequence[Tried]) -> str:
    """Counts by group, the whole last."""
    groups: dict[str, list[Tried]] = defaultdict(list)
    for item in tried:
        groups[item.group].append(item)
    lines = [f"{'group':<16}{'n':>5}{'format':>8}{'right':>7}"]
    for name, items in [*sorted(groups.items()), ("all", list(tried))]:
        strict, right = sum(item.strict for item in items), sum(item.right for item in items)
        lines.append(f"{name:<16}{len(items):>5}{strict:>8}{right:>7}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Try from the command line."""
    parser = argparse.ArgumentParser(description="Try an adapter on a development split.")
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--system", type=Path, required=True, help="file with the system message")
    parser.add_argument("--examples", type=Path, required=True, action="append", help="JSONL; may be given again")
    parser.add_argument("--weights", type=Path, help="GGUF of the base model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--misses", action="store_true", help="list what went wrong")
    args = parser.parse_args(argv)
    lines = [line for path in args.examples for line in path.read_text("utf-8").split("\n") if line.strip()]
    system = args.system.read_text("utf-8").strip()
    tried = try_all(
        args.adapter, system, [json.loads(line) for line in lines], threads=args.threads, weights=args.weights
    )
    for item in tried if args.misses else ():
        if not item.right:
            print(f"{item.group}: {item.command!r}\n  want {list(item.wanted)}\n  got  {item.text!r}")
    print(table(tried))
    return 0


if __name__ == "__main__":
    sys.exit(main())
