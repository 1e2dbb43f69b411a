"""One answer through all checks, with what was learnt about each command kept for the next answer."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.checks.bind import Binder
from harness.checks.finding import Call, Finding
from harness.checks.format import Extracted, extract
from harness.checks.hints import describe
from harness.checks.safety import inspect, outermost
from harness.checks.syntax import needs_scan, parse
from harness.checks.values import Notes
from harness.sdk.profile import Profile

CACHED_COMMANDS = 4096
CACHED_BYTES = 10_000_000  # about; commands recur in recordings, hostile ones hold more findings than they are worth
MAX_FINDINGS = 500  # of one answer; those of safety are kept first


class CommandResult(NamedTuple):
    """One command on its own: the bound call or None, and the findings (their `item` is None).

    A named tuple because six are made for every answer, and a frozen dataclass takes twice as long to make.
    """

    call: Call | None
    findings: tuple[Finding, ...]
    syntax_valid: bool
    guarded: str = ""  # the guarded call's path, where it is one


@dataclass(frozen=True, slots=True)
class Checked:
    """One checked answer.

    `commands` is None where no list could be taken; `calls` is None unless every command binds. The flags nest:
    `format_strict` (only the list) implies `format_valid` (a list could be taken), `syntax_valid` needs that and
    one expression in each string, `api_valid` needs that and every call bound. `safe` says that nothing unsafe
    was found, also where no list could be taken. They count every finding; at most `MAX_FINDINGS` are kept.
    """

    commands: tuple[str, ...] | None
    calls: tuple[Call, ...] | None
    findings: tuple[Finding, ...]
    format_strict: bool
    format_valid: bool
    syntax_valid: bool
    api_valid: bool
    safe: bool


class Checker:
    """The checks of one profile, with its tables and a bounded cache of commands seen."""

    def __init__(self, profile: Profile, cache_size: int = CACHED_COMMANDS) -> None:
        self.profile = profile
        self._binder = Binder(profile)
        self._deny_text = [(re.compile(text.pattern, re.IGNORECASE), text.reason) for text in profile.deny_text]
        self._denied = {call.path: call.reason for call in profile.calls if call.tier == "deny"}
        self._alone = frozenset(call.path for call in profile.calls if call.alone)
        self._hints = _hints(profile)
        self._cache_size = cache_size
        self._seen: dict[str, CommandResult] = {}
        self._bytes = 0  # of what is in `_seen`, roughly

    def answer(self, text: str, allow_guarded: Collection[str] = ()) -> Checked:
        """Check one answer; see `harness.checks.check_answer`."""
        extracted = extract(text)
        commands = extracted.commands
        if not commands:
            hinted = (f if f.hint else replace(f, hint=self._hints.get(f.code, "")) for f in extracted.findings)
            return Checked(commands, None, tuple(hinted), False, commands is not None, False, False, True)
        results = self._results(commands)
        findings = list(extracted.findings)
        calls: list[Call] = []
        for index, result in enumerate(results):
            call = result.call
            if call is not None:
                calls.append(call)
                if call.path in self._alone and len(commands) > 1:
                    findings.append(_not_alone(call, index, len(commands)))
            if result.findings:
                findings += _placed(result, index, allow_guarded)
        findings += _joined(extracted)
        bound = len(calls) == len(commands) and (not findings or all(f.code not in {"A320", "A324"} for f in findings))
        return Checked(
            commands=commands,
            calls=tuple(calls) if bound else None,
            findings=tuple(findings) if len(findings) <= MAX_FINDINGS else _worst(findings),
            format_strict=not extracted.findings,
            format_valid=True,
            syntax_valid=bound or all(result.syntax_valid for result in results),
            api_valid=bound,
            safe=not findings or all(finding.code[0] != "G" for finding in findings),
        )

    def command(self, command: str) -> CommandResult:
        """Check one command on its own."""
        return self._results([command])[0]

    def _results(self, commands: Sequence[str]) -> list[CommandResult]:
        """The results of all commands, those seen before from the cache."""
        results = [self._seen.get(command) for command in commands]
        missing = [index for index, result in enumerate(results) if result is None]
        if missing:
            # One look at all of them together is quicker than one at each.
            odd = needs_scan(",".join([commands[index] for index in missing]))
            for index in missing:
                results[index] = result = self._judge(commands[index], odd)
                if self._cache_size:
                    self._keep(commands[index], result)
        return results  # type: ignore[return-value]  # none is None any more

    def _judge(self, command: str, odd: bool) -> CommandResult:
        """Check one command, whatever it holds; `odd` says that it may need a look at its tokens."""
        tree, found = parse(command, odd=odd)
        if found or not isinstance(tree, ast.Expression):
            unsafe = self._unsafe(command, tree) if tree else []
            return CommandResult(None, (*found, *unsafe), all(finding.code[0] != "S" for finding in found))
        notes = Notes(command)
        call = self._binder.bind(tree.body, notes)
        if call is not None:
            guarded = call.path if notes.unsafe and notes.unsafe[0].code == "G402" else ""
            return CommandResult(call, tuple(notes.unsafe), True, guarded)
        api = [f for f in notes.found if f.code[0] == "A"]
        unsafe = [f for f in notes.found if f.code[0] != "A"] + notes.unsafe
        return CommandResult(None, (*api, *self._unsafe(command, tree, unsafe)), True)

    def _unsafe(self, command: str, tree: ast.AST, known: Sequence[Finding] = ()) -> list[Finding]:
        """A command that is no right call is looked over for everything unsafe in it."""
        return outermost((*known, *inspect(command, tree, self._denied, self._deny_text)))

    def _keep(self, command: str, result: CommandResult) -> None:
        """Remember a command; a full cache is emptied, which is cheap, rare, and safe from any thread."""
        size = 4 * len(command) + 1000 * (1 + len(result.findings))
        if size > CACHED_BYTES // 1000:
            return
        if len(self._seen) >= self._cache_size or self._bytes + size > CACHED_BYTES:
            self._seen.clear()
            self._bytes = 0
        self._seen[command] = result
        self._bytes += size


def _placed(result: CommandResult, index: int, allow_guarded: Collection[str]) -> Iterator[Finding]:
    """The command's findings with its place in the list, without a guarded call that is permitted."""
    for finding in result.findings:
        if finding.code != "G402" or result.guarded not in allow_guarded:
            yield replace(finding, item=index)


def _not_alone(call: Call, index: int, commands: int) -> Finding:
    """Asking and declining stand alone: a list that also acts leaves open what is meant."""
    message = f"self.{call.path} stands beside {commands - 1} other command{'s'[: commands != 2]}"
    hint = "To refuse or to ask, the list holds that one call alone."
    return Finding("A320", message, index, (0, len(f"self.{call.path}")), hint)


def _joined(extracted: Extracted) -> Iterator[Finding]:
    """Items that Python joins out of several strings: a list of strings, and mostly a comma is missing."""
    for index, literals in enumerate(extracted.literals):
        if len(literals) > 1 and extracted.commands:
            message = f"{len(literals)} strings side by side, which Python joins silently"
            span = (0, len(extracted.commands[index]))
            yield Finding("A324", message, index, span, "Put a comma between them, or write one string.")


def _worst(findings: list[Finding]) -> tuple[Finding, ...]:
    """At most `MAX_FINDINGS`, in their order: what is unsafe before syntax, and that before the rest."""
    ranked = sorted(range(len(findings)), key=lambda index: "GSFA".index(findings[index].code[0]))
    return tuple(findings[index] for index in sorted(ranked[:MAX_FINDINGS]))


def _hints(profile: Profile) -> dict[str, str]:
    """What answers without a list, and empty ones, are told: in calls of this profile."""
    calls = [call for call in profile.calls if call.tier == "allow" and not call.nested_only]
    acting = sorted((call for call in calls if not call.alone), key=lambda call: len(call.params or ()))
    alone = " or ".join(f"self.{call.path}(...)" for call in calls if call.alone)
    return {
        "F110": f"""Answer with only a list of strings: ["{describe(acting[0])}"]""" if acting else "",
        "F117": f"To refuse or to ask, the list holds {alone}." if alone else "",
    }
