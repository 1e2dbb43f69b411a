"""Decides whether a pair of command and answer may be trained on: the checks, a run in the simulator, no overlap."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.checks import canonical, check_answer
from harness.overlap import Guard, grams, is_reserved, make_guard, normalised, overlap, read_reserved, training_commands
from harness.pack import Pack
from harness.sdk.profile import Profile, load_profile
from harness.simulation import Scene, load_scenes, simulate, with_inferred_start
from harness.text import hidden_character, one_line

LONGEST_COMMAND = 600  # characters
NEAR_DUPLICATE = 0.8  # Jaccard index of character 4-grams from which two commands for one plan count as one
_STAGES = {"F": "format", "S": "syntax", "A": "api", "G": "safety"}


@dataclass(frozen=True, slots=True)
class Example:
    """One training pair, as a teacher offers it."""

    command: str
    answer: tuple[str, ...]
    skills: tuple[str, ...] = ()  # what it teaches, in the teacher's own names, to be counted
    language: str = "English"
    guarded: frozenset[str] = frozenset()  # paths of the guarded calls that the command asks for explicitly


class Rejection(NamedTuple):
    """Why a pair is not trained on: one word, to be counted, and what exactly."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A pair that passed."""

    example: Example
    answer: tuple[str, ...]  # the calls in the spelling of the conventions: single quotes, plain spacing
    disposition: str
    intent: Hashable  # the plan: pairs with the same one ask for the same thing and stay in one split


@dataclass(slots=True)
class Verifier:
    """Checks pairs one after the other and keeps or rejects them, in order."""

    profile: Profile
    scene: Scene  # that inferred ones are made from
    guard: Guard  # held-out commands
    reserved: Collection[Sequence[str]] = ()  # words that belong to the held-out set
    kept: list[Verified] = field(default_factory=list)
    rejected: list[dict[str, str]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _siblings: dict[Hashable, list[tuple[str, frozenset[str]]]] = field(default_factory=dict)

    def check(
        self, example: Example, source: str, unmet: Callable[[Verified], str] = lambda _: ""
    ) -> Verified | Rejection:
        """Keep a pair or reject it; `unmet` says what else is wrong with one that passed, if anything."""
        found = self._examine(example)
        if isinstance(found, Verified):
            why = unmet(found)
            found = Rejection("off_brief", why) if why else self._keep_new(found)
        if isinstance(found, Rejection):
            self.reject(found, source, example.command, list(example.answer))
        return found

    def reject(self, rejection: Rejection, source: str, command: str = "", answer: object = "") -> None:
        """Put something aside, long texts cut."""
        texts = {"source": source, "command": command[:2000], "answer": str(answer)[:4000]}
        self.rejected.append({**rejection._asdict(), **texts})

    def _examine(self, example: Example) -> Verified | Rejection:
        """Everything that can be said of a pair by itself: command, answer, simulation, held-out commands."""
        command = example.command
        if not normalised(command):
            return Rejection("command", "no words in it")
        if len(command) > LONGEST_COMMAND:
            return Rejection("command", f"{len(command)} characters, more than {LONGEST_COMMAND}")
        if hidden := hidden_character(command.replace("\n", " ")):
            return Rejection("command", f"the hidden character {hidden[1]}")
        checked = check_answer(answer_text(example.answer), self.profile, allow_guarded=example.guarded)
        if checked.findings:  # what is unsafe first
            finding = min(checked.findings, key=lambda finding: finding.code[0] != "G")
            return Rejection(_STAGES[finding.code[0]], f"{finding.code} {one_line(finding.message, 200)}")
        if not checked.calls or not checked.commands:
            return Rejection("format", "an empty list")
        answer = _respelled(checked.commands)
        if answer is None:
            return Rejection("spelling", "arguments are given by name")
        if broken := simulate(checked.calls, with_inferred_start(self.scene, checked.calls)).broken:
            return Rejection("simulation", f"{broken[0].code} {one_line(broken[0].message, 200)}")
        if is_reserved(f"{command} {' '.join(answer)}", self.reserved):
            return Rejection("reserved", "a word that belongs to the held-out set")
        if why := overlap(command, self.guard):
            return Rejection("held_out", why)
        disposition = refusals(self.scene).get(checked.calls[0].path, "execute")
        plan = tuple(canonical(item, self.profile) for item in answer)
        intent = plan if disposition == "execute" else (disposition, normalised(command))
        return Verified(example, answer, disposition, intent)

    def _keep_new(self, pair: Verified) -> Verified | Rejection:
        """Keep a pair, unless its command or nearly the same for the same plan is kept already."""
        text = normalised(pair.example.command)
        if text in self._seen:
            return Rejection("duplicate", "the same command again")
        # A changed number or side makes another plan: only commands for one plan can be each other's near duplicates.
        siblings = self._siblings.setdefault(pair.intent if pair.disposition == "execute" else pair.disposition, [])
        its = grams(text)
        for other, others in siblings:
            if len(its & others) >= NEAR_DUPLICATE * len(its | others):
                return Rejection("near_duplicate", f"of {one_line(other, 200)!r}")
        siblings.append((text, its))
        self._seen.add(text)
        self.kept.append(pair)
        return pair


def refusals(scene: Scene) -> dict[str, str]:
    """The calls of the scene's robot that stand alone, and what they do instead of the command: `ask`, `decline`."""
    return {path: what for path, what in ((scene.robot.asks, "ask"), (scene.robot.declines, "decline")) if path}


def make_verifier(pack: Pack) -> Verifier:
    """The verifier of a pack: its profile and first scene; its held-out commands and reserved words are kept out."""
    # An adapter is tried on the commands of `training/*.jsonl`: they are kept out too.
    tried_on = sorted((pack.root / "training").glob("*.jsonl"))
    kept_out = [command for path in tried_on for _, command in training_commands(path)]
    guard = make_guard([*(case.command for case in pack.cases()), *kept_out])
    _, base = min(load_scenes(pack).items())
    return Verifier(load_profile(pack.profile), base, guard, read_reserved(pack.root / "reserved_words.txt"))


def answer_text(answer: Sequence[str]) -> str:
    """The list as the model is to write it: double-quoted items, nothing around it."""
    return json.dumps(list(answer), ensure_ascii=False)


def _respelled(commands: Sequence[str]) -> tuple[str, ...] | None:
    """Calls that passed the checks, as the conventions spell them; None where an argument has no name."""
    trees = [ast.parse(command.strip(), mode="eval") for command in commands]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    # Only a message built in place, `publish(self.create_...)`, is given without one.
    if any(not isinstance(argument, ast.Call) for call in calls for argument in call.args):
        return None
    return tuple(ast.unparse(_SingleQuotes().visit(tree)) for tree in trees)


class _SingleQuotes(ast.NodeTransformer):
    """Puts each text into single quotes, also one with an apostrophe: a name is written as it is."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not (isinstance(node.value, str) and node.value.isprintable()):
            return node
        return ast.Name("'" + node.value.replace("\\", "\\\\").replace("'", "\\'") + "'")
