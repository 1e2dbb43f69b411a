"""Decides whether a pair of command and answer may be trained on: the checks, a run in the simulator, no overlap."""

from __future__ import annotations

import ast
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field

from harness.checks import Call, Finding, canonical, check_answer
from harness.checks.safety import hidden_character
from harness.inert import one_line
from harness.sdk.profile import Profile
from harness.simulation import Scene, Trace, infer_scene, simulate
from harness.training.bank import is_reserved
from harness.training.calls import quoted
from harness.training.grammar import answer_text
from harness.training.overlap import Guard, normalised, overlap

LONGEST_COMMAND = 600  # characters; the longest held-out command has about 330
NEAR_DUPLICATE = 0.8  # Jaccard index of character 4-grams from which two commands for one plan count as one
_STAGES = {"F": "format", "S": "syntax", "A": "api", "G": "safety"}
_GRAM = 4
# The README's example is kept out of training, and so is any command with two of its three parts.
_SHOWCASE_PARTS = ("kitchen", "red ball", "living")
_FREELY_WORDED = frozenset({"asked", "declined"})


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a pair is not trained on.

    Attributes:
        reason: One of a closed set, for counting: `command`, `format`, `syntax`, `api`, `safety`, `simulation`,
            `spelling`, `reserved`, `showcase`, `held_out`, `duplicate`, `near_duplicate`.
        detail: The finding, or what it is too close to; one line.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A pair that passed.

    Attributes:
        answer: The calls in one spelling (single quotes, plain spacing), equal to what was given.
        intent: The plan: pairs with the same one ask for the same thing and stay in one split.
        trace: What the robot does, in the scene inferred from the plan.
    """

    command: str
    answer: tuple[str, ...]
    disposition: str
    intent: Hashable
    trace: Trace


@dataclass(slots=True)
class Verifier:
    """Checks pairs one after the other and remembers the commands of those it let pass.

    Args:
        profile: The allow-list.
        scene: The scene that inferred ones are made from.
        guard: Held-out commands.
        reserved: Words that may occur nowhere: they belong to the held-out set.
    """

    profile: Profile
    scene: Scene
    guard: Guard
    reserved: Sequence[str] = ()
    _seen: set[str] = field(default_factory=set)
    _siblings: dict[Hashable, list[tuple[str, frozenset[str]]]] = field(default_factory=dict)

    def check(self, command: str, answer: Sequence[str], allow_guarded: Collection[str] = ()) -> Verified | Rejection:
        """Let a pair pass, or say why not; what passes is remembered.

        Args:
            command: As a user would type it.
            answer: Call strings, of any content.
            allow_guarded: Guarded calls that the command asks for explicitly.
        """
        found = self.examine(command, answer, allow_guarded)
        return found if isinstance(found, Rejection) else self.admit(found)

    def examine(self, command: str, answer: Sequence[str], allow_guarded: Collection[str] = ()) -> Verified | Rejection:
        """Everything that can be said of a pair by itself: command, answer, simulation, held-out commands."""
        wrong = _wrong_command(command)
        if wrong:
            return Rejection("command", wrong)
        checked = check_answer(answer_text(answer), self.profile, allow_guarded=allow_guarded)
        if checked.findings or checked.calls is None or checked.commands is None:
            return _gravest(checked.findings)
        spelled = _respelled(checked.commands)
        if spelled is None:
            return Rejection("spelling", "arguments are given by name")
        trace = simulate(checked.calls, infer_scene(self.scene, checked.calls))
        if trace.broken:
            return Rejection("simulation", f"{trace.broken[0].code} {one_line(trace.broken[0].message, 200)}")
        near = self._near_held_out(command, spelled)
        if near:
            return near
        disposition, intent = self._intent(command, spelled, checked.calls)
        return Verified(command, spelled, disposition, intent, trace)

    def admit(self, pair: Verified) -> Verified | Rejection:
        """Remember a pair, unless it is one of those that were let pass already, or nearly."""
        text = normalised(pair.command)
        if text in self._seen:
            return Rejection("duplicate", "the same command again")
        # A changed number or side makes another plan: only commands for one plan can be each other's near duplicates.
        group: Hashable = pair.intent if pair.disposition == "execute" else pair.disposition
        siblings, grams = self._siblings.setdefault(group, []), _grams(text)
        for other, its in siblings:
            if len(grams & its) >= NEAR_DUPLICATE * len(grams | its):
                return Rejection("near_duplicate", f"of {one_line(other, 200)!r}")
        siblings.append((text, grams))
        self._seen.add(text)
        return pair

    def _near_held_out(self, command: str, answer: Sequence[str]) -> Rejection | None:
        everything = f"{command} {' '.join(answer)}"
        if is_reserved(everything, self.reserved):
            return Rejection("reserved", "a word that belongs to the held-out set")
        if sum(part in normalised(everything) for part in _SHOWCASE_PARTS) > 1:
            return Rejection("showcase", "two parts of the example that every README reader tries")
        reason = overlap(command, self.guard)
        return Rejection("held_out", reason) if reason else None

    def _intent(self, command: str, answer: Sequence[str], calls: Sequence[Call]) -> tuple[str, Hashable]:
        disposition = {"ask_operator": "ask", "decline": "decline"}.get(calls[0].path, "execute")
        if disposition != "execute":
            return disposition, (disposition, normalised(command))
        return disposition, tuple(canonical(item, self.profile) for item in answer)


def same_effect(one: Trace, other: Trace) -> bool:
    """Whether two runs did the same: events with their arguments (numbers to a hundredth), and the final state."""
    if one.broken or other.broken:
        return False
    return _effect(one) == _effect(other)


def _effect(trace: Trace) -> object:
    def plain(value: object) -> object:
        if isinstance(value, float):
            return round(value, 2) + 0.0
        return value.casefold().strip(" .!") if isinstance(value, str) else value

    # What was asked or declined may be worded freely.
    events = [
        (
            event.name,
            () if event.name in _FREELY_WORDED else tuple((k, plain(v)) for k, v in sorted(event.fields.items())),
        )
        for event in trace.events
        if event.name != "passed"
    ]
    return events, {key: plain(value) for key, value in trace.final.items()}


def _wrong_command(command: str) -> str:
    if not normalised(command):
        return "no words in it"
    if len(command) > LONGEST_COMMAND:
        return f"{len(command)} characters, more than {LONGEST_COMMAND}"
    hidden = hidden_character(command.replace("\n", " "))
    return f"the hidden character {hidden[1]}" if hidden else ""


def _gravest(findings: Sequence[Finding]) -> Rejection:
    """What is unsafe first, else the first thing found; only an empty list is wrong without a finding."""
    if not findings:
        return Rejection("format", "an empty list")
    finding = next((finding for finding in findings if finding.code[0] == "G"), findings[0])
    return Rejection(_STAGES[finding.code[0]], f"{finding.code} {one_line(finding.message, 200)}")


def _respelled(commands: Sequence[str]) -> tuple[str, ...] | None:
    """The calls, which have passed the checks, as the conventions spell them; None where an argument has no name."""
    trees = [ast.parse(command.strip(), mode="eval").body for command in commands]
    if any(isinstance(node, ast.Call) and not _named(node) for tree in trees for node in ast.walk(tree)):
        return None
    return tuple(_spelled(tree) for tree in trees)


def _named(node: ast.Call) -> bool:
    """Arguments by name; `publish(...)` and `call_async(...)` alone take the message built for them as it is."""
    return not node.args or (len(node.args) == 1 and isinstance(node.args[0], ast.Call))


def _spelled(node: ast.expr) -> str:
    """One value or call as CONVENTIONS.md spells it: names, single quotes, plain spacing."""
    if isinstance(node, ast.Call):
        given = [*map(_spelled, node.args), *(f"{word.arg}={_spelled(word.value)}" for word in node.keywords)]
        return f"{_spelled(node.func)}({', '.join(given)})"
    if isinstance(node, ast.Attribute):
        return f"{_spelled(node.value)}.{node.attr}"
    if isinstance(node, ast.List):
        return f"[{', '.join(map(_spelled, node.elts))}]"
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isprintable():
        return quoted(node.value)
    return ast.unparse(node)


def _grams(text: str) -> frozenset[str]:
    padded = f" {text} "
    return frozenset(padded[at : at + _GRAM] for at in range(max(1, len(padded) - _GRAM + 1)))
