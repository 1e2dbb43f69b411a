"""The table of finding codes (`codes.toml`) as records, and one entry as text for `gonogo explain`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources

from harness.text import visible

STAGES = {"F": "format", "S": "syntax", "A": "API", "G": "safety"}


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding: `what` was found, `why` it counts against an answer, a `wrong` answer and a `right` one."""

    code: str  # its letter is the stage
    title: str
    what: str
    why: str
    wrong: str
    right: str
    strict_only: bool = False  # the list was still taken: only `format_strict` fails

    @property
    def stage(self) -> str:
        """format, syntax, API or safety."""
        return STAGES[self.code[0]]


def known_codes() -> dict[str, Code]:
    """Every code of the checks, by its name; the rules of a robot (R501 and so on) stand in its pack."""
    table = tomllib.loads((resources.files(__package__) / "codes.toml").read_text(encoding="utf-8"))
    return {code: Code(code, **entry) for code, entry in table.items()}


def explain(code: Code) -> str:
    """One code as plain text, for a terminal."""
    mark = " (strict only)" if code.strict_only else ""
    wrong, right = (_example(answer) for answer in (code.wrong, code.right))
    head = f"{code.code} {code.title} [{code.stage}]{mark}\n\n{code.what}\n{code.why}"
    return f"{head}\n\nwrong:\n{wrong}\n\nright:\n{right}"


def _example(answer: str) -> str:
    """An answer set off by four spaces, which no content can end; space that only looks like one spelled out."""
    shown = re.sub(r"[^\S \n]", lambda odd: ascii(odd[0])[1:-1], visible(answer) or "(nothing)")
    return "\n".join("    " + line for line in shown.split("\n"))
