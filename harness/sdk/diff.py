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


def diff_profiles(before: Profile, after: Profile) -> list[Change]:
    """Calls added, removed and changed in what they accept; a denied call counts as one that is there.

    Methods that the SDK has and the node does not expose are compared by name, and marked so.
    """
    old, new = (_listed(profile) for profile in (before, after))
    changes = [Change("removed", path, old[path]) for path in old if path not in new]
    changes += [Change("added", path, new[path]) for path in new if path not in old]
    for path, call in before.by_path.items():
        if path in after.by_path and (details := tuple(_call_changes(call, after.by_path[path]))):
            changes.append(Change("changed", path, details))
    return changes


def broken_answers(before: Profile, after: Profile, answers: Iterable[Answer]) -> Iterator[tuple[Answer, Finding]]:
    """Answers whose commands all bind safely under `before` and no longer under `after`, and the first finding there.

    Guarded calls count as safe. Format is the same under both and breaks nothing here.
    """
    old, new = Checker(before), Checker(after)
    guarded = {p.path for profile in (before, after) for p in profile.calls if p.tier == "guarded"}
    for answer in answers:
        was = old.answer(answer.text, guarded)
        if was.api_valid and was.safe:
            now = new.answer(answer.text, guarded)
            if not (now.api_valid and now.safe):
                yield answer, next(f for f in now.findings if f.code[0] in "AG")


def _listed(profile: Profile) -> dict[str, tuple[str, ...]]:
    """Every call and every method of the SDK by its path, with what is special about it."""
    listed: dict[str, tuple[str, ...]] = {
        call.path: () if call.tier == "allow" else (call.tier,) for call in profile.calls
    }
    for known in profile.known:
        if known.kind == "unexposed":
            listed.setdefault(f"{known.client}.{known.name}".lstrip("."), ("not exposed by the robot node",))
    return listed


def _call_changes(old: CallSpec, new: CallSpec) -> Iterator[str]:
    if old.tier != new.tier:
        yield f"tier {old.tier} -> {new.tier}"
    if old.params is None or new.params is None:
        return
    before, after = ({p.name: p for p in params} for params in (old.params, new.params))
    yield from (f"argument {name} removed" for name in before if name not in after)
    yield from (f"argument {name} added{' (required)' * p.required}" for name, p in after.items() if name not in before)
    both = [name for name in before if name in after]
    for name in both:
        for field in fields(Param):
            was, now = getattr(before[name], field.name), getattr(after[name], field.name)
            if field.name not in _UNCOMPARED and was != now:
                yield f"argument {name}: {field.name} {was!r} -> {now!r}"
    order = [name for name in after if name in before]
    if both != order:
        yield f"argument order {', '.join(both)} -> {', '.join(order)}"
