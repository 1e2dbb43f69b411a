"""One answer through all checks, with what was learnt about each command kept for the next answer."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.checks.api import Binder
from harness.checks.findings import Call, Finding
from harness.checks.format import extract
from harness.checks.notes import Notes
from harness.checks.safety import denied, inspect, low_level, outermost
from harness.checks.scan import MAX_COMMAND, needs_scan, scan
from harness.checks.syntax import parse, syntax_findings
from harness.sdk.profile import Profile

CACHED_COMMANDS = 4096  # commands recur in recordings; at 1,000 characters each this stays below 10 MB

_PARSEABLE = frozenset({"A324", "G411", "G412"})  # what the scan finds, and the parser may see all the same


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
    was found, also where no list could be taken.
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
        self._cache_size = cache_size
        self._seen: dict[str, CommandResult] = {}

    def answer(self, text: str, allow_guarded: Collection[str] = ()) -> Checked:
        """Check one answer; see `harness.checks.check_answer`."""
        extracted = extract(text)
        commands = extracted.commands
        if not commands:
            return Checked(commands, None, extracted.findings, False, commands is not None, False, False, True)
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
        bound = len(calls) == len(commands) and (not findings or all(f.code != "A320" for f in findings))
        return Checked(
            commands=commands,
            calls=tuple(calls) if bound else None,
            findings=tuple(findings),
            format_strict=not extracted.findings,
            format_valid=True,
            syntax_valid=bound or all(result.syntax_valid for result in results),
            api_valid=bound,
            safe=not findings or all(finding.code[0] != "G" for finding in findings),
        )

    def command(self, command: str) -> CommandResult:
        """Check one command on its own."""
        result = self._seen.get(command)
        if result is None:
            result = self._judge(command, needs_scan(command))
            self._keep(command, result)
        return result

    def _results(self, commands: Sequence[str]) -> list[CommandResult]:
        """The results of all commands, those seen before from the cache."""
        if not self._cache_size:
            odd = needs_scan(",".join(commands))
            return [self._judge(command, odd) for command in commands]
        results = [self._seen.get(command) for command in commands]
        missing = [index for index, result in enumerate(results) if result is None]
        if missing:
            # One look at all of them together is quicker than one at each.
            odd = needs_scan(",".join([commands[index] for index in missing]))
            for index in missing:
                results[index] = result = self._judge(commands[index], odd)
                self._keep(commands[index], result)
        return results  # type: ignore[return-value]  # none is None any more

    def _judge(self, command: str, odd: bool) -> CommandResult:
        """Check one command, whatever it holds; `odd` says that it may need the scan."""
        if odd and needs_scan(command) and (barred := scan(command)):
            return self._barred(command, barred)
        try:
            tree = parse(command)
        except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
            return self._unparsed(command, error)
        notes = Notes(command)
        call = self._binder.bind(tree.body, notes)
        if call is None:
            return self._unbound(tree, notes)
        if not notes.unsafe:
            return CommandResult(call, (), True)
        guarded = call.path if notes.unsafe[0].code == "G402" else ""
        return CommandResult(call, tuple(notes.unsafe), True, guarded)

    def _unbound(self, tree: ast.Expression, notes: Notes) -> CommandResult:
        """A failing command is looked over for everything unsafe in it."""
        api = [f for f in notes.found if f.code[0] == "A"]
        unsafe = [f for f in notes.found if f.code[0] != "A"] + notes.unsafe
        unsafe += inspect(notes.command, tree)
        unsafe += denied(notes.command, tree, self._denied)
        unsafe += low_level(notes.command, tree, self._deny_text)
        return CommandResult(None, (*api, *outermost(unsafe)), True)

    def _unparsed(self, command: str, error: Exception) -> CommandResult:
        barred = scan(command)
        if barred:
            return self._barred(command, barred)
        findings, statements = syntax_findings(command, error)
        if statements is not None:
            findings += outermost((*inspect(command, statements), *denied(command, statements, self._denied)))
        return CommandResult(None, tuple(findings), False)

    def _barred(self, command: str, findings: list[Finding]) -> CommandResult:
        """A command that the scan has found something in: no call.

        Where that is only how strings, names or brackets are written, Python's parser still says whether it is an
        expression; for the rest it is not given the command, and the syntax counts as wrong where an S code says so.
        """
        if {finding.code for finding in findings} <= _PARSEABLE:
            try:
                tree = parse(command)
            except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
                findings = [*findings, *syntax_findings(command, error)[0]]
            else:
                findings = [*findings, *denied(command, tree, self._denied)]
        return CommandResult(None, tuple(findings), not any(f.code[0] == "S" for f in findings))

    def _keep(self, command: str, result: CommandResult) -> None:
        """Remember a command; a full cache is emptied, which is cheap, rare, and safe from any thread."""
        if self._cache_size and len(command) <= MAX_COMMAND:
            if len(self._seen) >= self._cache_size:
                self._seen.clear()
            self._seen[command] = result


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
