"""One answer through all checks, with what was learnt about each command kept for the next answer."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.checks.bind import Binder
from harness.checks.finding import Call, Finding
from harness.checks.format import extract
from harness.checks.hints import describe
from harness.checks.safety import inspect, outermost
from harness.checks.syntax import needs_scan, parse
from harness.checks.values import Notes
from harness.sdk.profile import Profile

CACHED_COMMANDS = 4096
CACHED_BYTES = 10_000_000  # about; commands recur in recordings, hostile ones hold more findings than they are worth
MAX_FINDINGS = 500  # of one answer; those of safety are kept first


class CommandResult(NamedTuple):  # a frozen dataclass takes twice as long to make, and six are for every answer
    """One command on its own: the bound call or None, and the findings (their `item` is None)."""

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
        self._alone = [call.path for call in profile.calls if call.alone]
        acting = [c for c in profile.calls if c.tier == "allow" and not (c.nested_only or c.alone)]
        alone = " or ".join(f"self.{path}(...)" for path in self._alone)
        shortest = min(acting, key=lambda call: len(call.params or ()), default=None)
        self._hints = {  # for answers without a list, and for empty ones: in calls of this profile
            "F110": f"""Answer with only a list of strings: ["{describe(shortest)}"]""" if shortest else "",
            "F117": f"To refuse or to ask, the list holds {alone}." if alone else "",
        }
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
        bound = True
        for index, result in enumerate(results):
            call = result.call
            if call is None:
                bound = False
            else:
                calls.append(call)
                if call.path in self._alone and len(commands) > 1:
                    message = f"self.{call.path} stands beside {len(commands) - 1} more: what is meant stays open"
                    hint = "To refuse or to ask, the list holds that one call alone."
                    findings.append(Finding("A320", message, index, (0, len(f"self.{call.path}")), hint))
                    bound = False
            if result.findings:
                permitted = result.guarded in allow_guarded
                findings += [replace(f, item=index) for f in result.findings if not (permitted and f.code == "G402")]
        for index, literals in enumerate(extracted.literals):
            if len(literals) > 1:
                message, hint = "strings side by side, which Python joins", "Put a comma between them, or write one."
                findings.append(Finding("A324", message, index, (0, len(commands[index])), hint))
                bound = False
        unsafe = any(finding.code[0] == "G" for finding in findings)
        if len(findings) > MAX_FINDINGS:  # what is unsafe is kept before syntax, and that before the rest
            ranked = sorted(range(len(findings)), key=lambda index: "GSFA".index(findings[index].code[0]))
            findings = [findings[index] for index in sorted(ranked[:MAX_FINDINGS])]
        return Checked(
            commands=commands,
            calls=tuple(calls) if bound else None,
            findings=tuple(findings),
            format_strict=not extracted.findings,
            format_valid=True,
            syntax_valid=bound or all(result.syntax_valid for result in results),
            api_valid=bound,
            safe=not unsafe,
        )

    def command(self, command: str) -> CommandResult:
        """Check one command on its own."""
        return self._seen.get(command) or self._results([command])[0]

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
