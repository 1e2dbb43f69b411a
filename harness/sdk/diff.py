"""What two profiles differ in, and which recorded answers the difference breaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from harness.checks import Checker, Finding
from harness.checks.answer_file import Answer
from harness.sdk.profile import CallSpec, Param, Profile

_UNCOMPARED = {"summary", "source", "limit_source", "sdk", "note"}  # words and places, not what a call accepts


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `kind` is added, removed or changed; `details` says what changed, one line each."""

    kind: str
    path: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """An answer that the first profile accepts and the second does not, with the first finding there."""

    answer: Answer
    finding: Finding


def diff_profiles(before: Profile, after: Profile) -> list[Change]:
    """Calls added, removed and changed in what they accept; a denied call counts as one that is there.

    Methods that the SDK has and the node does not expose are compared by name, and marked so.
    """
    old, new = before.by_path, after.by_path
    old_hidden, new_hidden = _unexposed(before), _unexposed(after)
    changes = [Change("removed", path, _note(old[path])) for path in old if path not in new]
    changes += [Change("added", path, _note(new[path])) for path in new if path not in old]
    note = ("not exposed by the robot node",)
    changes += [Change("removed", p, note) for p in old_hidden if p not in new_hidden and p not in new]
    changes += [Change("added", p, note) for p in new_hidden if p not in old_hidden and p not in old]
    for path, call in old.items():
        if path in new and (details := tuple(_call_changes(call, new[path]))):
            changes.append(Change("changed", path, details))
    return changes


def broken_answers(before: Profile, after: Profile, answers: Iterable[Answer]) -> Iterator[Broken]:
    """Answers whose commands all bind safely under `before` and no longer under `after`; guarded calls count as safe.

    Format is the same under both and breaks nothing here.
    """
    old, new = Checker(before), Checker(after)
    guarded = {p.path for profile in (before, after) for p in profile.calls if p.tier == "guarded"}
    for answer in answers:
        was = old.answer(answer.text, guarded)
        if was.api_valid and was.safe:
            now = new.answer(answer.text, guarded)
            if not (now.api_valid and now.safe):
                yield Broken(answer, next(f for f in now.findings if f.code[0] in "AG"))


def _unexposed(profile: Profile) -> list[str]:
    return [f"{k.client}.{k.name}".lstrip(".") for k in profile.known if k.kind == "unexposed"]


def _note(call: CallSpec) -> tuple[str, ...]:
    return () if call.tier == "allow" else (call.tier,)


def _call_changes(old: CallSpec, new: CallSpec) -> Iterator[str]:
    if old.tier != new.tier:
        yield f"tier {old.tier} -> {new.tier}"
    if old.params is None or new.params is None:
        return
    before, after = ({p.name: p for p in call.params or ()} for call in (old, new))
    for name in before.keys() - after.keys():
        yield f"argument {name} removed"
    for name in after.keys() - before.keys():
        yield f"argument {name} added" + (" (required)" if after[name].required else "")
    for name in before.keys() & after.keys():
        yield from _param_changes(before[name], after[name])
    both = [p.name for p in old.params if p.name in after], [p.name for p in new.params if p.name in before]
    if both[0] != both[1]:
        yield f"argument order {', '.join(both[0])} -> {', '.join(both[1])}"


def _param_changes(old: Param, new: Param) -> Iterator[str]:
    for field in fields(Param):
        was, now = getattr(old, field.name), getattr(new, field.name)
        if field.name not in _UNCOMPARED and was != now:
            yield f"argument {old.name}: {field.name} {was!r} -> {now!r}"
