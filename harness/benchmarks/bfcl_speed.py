"""Answers a second beside bfcl-eval, the best known checker of calls by syntax tree, on the same calls.

bfcl-eval needs an environment of its own (it pins numpy 1.26 and pulls in a dozen model clients); the checks of
gonogo need nothing but Python there. From the checkout:

    python3.11 -m venv bfcl-env
    bfcl-env/bin/pip install bfcl-eval==2026.3.23 soundfile
    bfcl-env/bin/python -m harness.benchmarks.bfcl_speed [--answers 2000] [--rounds 5] [--json]

faiss-cpu and sentence-transformers (with torch, 2 GB) are among its requirements and not used here: `--no-deps` and
the other requirements by hand do as well.

Each gets the calls in the form it reads: bfcl-eval a list of calls (`default_decode_ast_prompting`), gonogo the same
calls as a list of strings. bfcl-eval then matches them with `ast_checker` (category "parallel", as several calls
in one answer are there) against one accepted value an argument, made beforehand by decoding the same answer; it looks
at names, keyword arguments, types and equality of values. gonogo checks format, syntax, API with ranges, and
safety, once with its cache of commands off and once as it is shipped, beginning empty. Every answer is right, and
both must say so. CPU time, one process, taking turns.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.benchmarks.answers_from_profile import distinct_answers
from harness.checks import Checker
from harness.sdk.profile import CallSpec, Profile, load_profile

PROFILE = Path(__file__).parents[2] / "datasets" / "go2" / "profiles" / "go2.json"
_TYPES = {"float": "float", "int": "integer", "bool": "boolean", "str": "string", "list[str]": "array"}


def descriptions(profile: Profile) -> list[dict[str, Any]]:
    """The allow-list as bfcl-eval's function descriptions; its decoder names a chained call by its last part."""
    return [_description(call) for call in profile.calls if call.tier == "allow"]


def _description(call: CallSpec) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for param in call.params or ():
        properties[param.name] = {"type": _TYPES.get(param.type, "dict")}
        if param.type == "list[str]":
            properties[param.name]["items"] = {"type": "string"}
    required = [param.name for param in call.params or () if param.required]
    name = call.path.rpartition(".")[2] if "()" in call.path else f"self.{call.path}"
    return {"name": name, "parameters": {"type": "dict", "properties": properties, "required": required}}


def accepted(call: dict[str, Any]) -> dict[str, Any]:
    """bfcl-eval's possible answer for one decoded call: each argument with its one accepted value."""
    ((name, arguments),) = call.items()
    return {name: {key: [_accepted_value(value)] for key, value in arguments.items()}}


def _accepted_value(value: object) -> object:
    # A dict (a nested builder call) lists the accepted values of each key once more.
    return {key: [inner] for key, inner in value.items()} if isinstance(value, dict) else value


class Bfcl:
    """The two functions of bfcl-eval and what they need."""

    def __init__(self, profile: Profile) -> None:
        utils = importlib.import_module("bfcl_eval.model_handler.utils")
        checker = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
        models = importlib.import_module("bfcl_eval.constants.model_config").MODEL_CONFIG_MAPPING
        self.decode: Callable[[str], list[dict[str, Any]]] = utils.default_decode_ast_prompting
        self.check: Callable[..., dict[str, Any]] = checker.ast_checker
        self.language = checker.Language.PYTHON
        # Any model whose names keep their dots.
        self.model = next(n for n, m in models.items() if not m.underscore_to_dot and "_" not in n)
        self.descriptions = descriptions(profile)

    def judge(self, answer: str, possible: list[dict[str, Any]]) -> bool:
        """Decode one answer and match it."""
        decoded = self.decode(answer)
        result = self.check(self.descriptions, decoded, possible, self.language, "parallel", self.model)
        return bool(result["valid"])


def main() -> int:
    """Print both rates; 1 where bfcl-eval is faster."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    profile = load_profile(PROFILE)
    try:
        bfcl = Bfcl(profile)
    except ImportError as error:
        print(f"bfcl-eval cannot be imported here: {error}\n{__doc__}", file=sys.stderr)
        return 2
    ours = distinct_answers(profile, args.answers)
    theirs = ["[" + ", ".join(json.loads(answer)) + "]" for answer in ours]
    possible = [[accepted(call) for call in bfcl.decode(answer)] for answer in theirs]

    def run_bfcl() -> None:
        for answer, right in zip(theirs, possible, strict=True):
            if not bfcl.judge(answer, right):
                raise AssertionError(f"bfcl-eval refuses a right answer: {answer}")

    def run_ours(checker: Checker) -> None:
        for answer in ours:
            if checker.answer(answer).findings:
                raise AssertionError(f"a right answer has findings: {answer}")

    rounds = [
        (
            _cpu(run_bfcl),
            _cpu(lambda: run_ours(Checker(profile, cache_size=0))),
            _cpu(lambda: run_ours(Checker(profile))),
        )
        for _ in range(args.rounds)
    ]
    result: dict[str, float] = {"answers": len(ours)}
    for index, name in enumerate(("bfcl", "uncached", "shipped")):
        result[f"{name}_us"] = 1e6 * statistics.median(row[index] for row in rounds) / len(ours)
        result[f"{name}_times_bfcl"] = statistics.median(row[0] / row[index] for row in rounds)
    if args.json:
        print(json.dumps(result))
    else:
        _print(result)
    return 0 if min(result["uncached_times_bfcl"], result["shipped_times_bfcl"]) >= 1 else 1


def _print(result: dict[str, float]) -> None:
    print(f"{result['answers']} answers of six calls; bfcl-eval {result['bfcl_us']:.1f} us an answer")
    for name, what in (("uncached", "gonogo, cache off"), ("shipped", "gonogo as shipped")):
        times = result[f"{name}_times_bfcl"]
        print(f"{what} {result[f'{name}_us']:.1f} us: {times:.2f} times as many answers a second")


def _cpu(run: Callable[[], None]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
