"""Speech, log lines, reasons and questions that say another thing, and others that say the same.

The texts are in `mutants.toml`, in the languages of the Go2 pack. What is said is verbatim unless the case has `said`.
"""

from __future__ import annotations

import json
import random
import re
import string
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from harness.cases import Case
from harness.tests.programs import Program, spliced, with_arg

Texts: TypeAlias = Iterator[tuple[str, str]]  # the kind of change, and the changed text

TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text(encoding="utf-8"))
LANGUAGES = ("en", "de", "es", "fr", "zh")
CODE = re.compile(r"[{}<>=#_\[\]]|\d[A-Za-z]|[A-Za-z]\d|\w-\w*\d")  # a text to be taken over letter by letter
CHINESE = re.compile("[\u4e00-\u9fff]")
TENS = re.compile(r"(?i)\w*(?:ty|dreißig|zig|hundert|enta|cien\w*|ante|cent\w*|hundred|[百千])\b")
CONDITION = re.compile(r"(?i)\b(?:if|till|until|unless|when|wenn|bis|si|cuando|hasta|quand|jusqu)\b|如果|直到|等")
ENDS = ".!?¡¿ \uff01\uff1f\u3002"
COUNTED = "[点號号楼个分秒层间位]"


def language(text: str) -> str:
    """The language of a text, told by its small words; English where nothing tells."""
    if CHINESE.search(text):
        return "zh"
    signs = [*re.findall(r"[^\W\d_]+", text.lower()), *re.findall(r"[^a-z\s]", text.lower())]
    known: dict[str, list[str]] = TEXTS["known"]
    return max(known, key=lambda one: sum(sign in known[one] for sign in signs))


def some(texts: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """A few of them."""
    return rng.sample(texts, min(count, len(texts)))


def spoken(case: Case, program: Program, paths: Sequence[str], rng: random.Random) -> Iterator[tuple[bool, Any]]:
    """Changes of what is said or logged: (harmful, mutant)."""
    said = case.expect.get("said")
    told = iter(said if isinstance(said, list) else [])
    for at, one in enumerate(program):
        if one.path not in paths:
            continue
        name, text = next(iter(one.args.items()))
        text = str(text)
        free = next(told, None) if isinstance(said, list) else said  # one of them may be verbatim
        mentioned = json.dumps(free, ensure_ascii=False).lower() if free else ""
        changes = [(True, change) for change in other_sense(text, mentioned, rng)]
        if not free and "must" not in case.expect:
            changes += [(True, change) for change in other_words(text)]
        changes += [(False, change) for change in same_words(text)]
        for harmful, (kind, changed) in changes:
            if changed.strip() and changed != text:
                yield harmful, (kind, spliced(program, at, (with_arg(one, name, changed),), drop=1))


def other_sense(text: str, said: str, rng: random.Random) -> Texts:
    """A word put in or a sentence put after that turns the sense round; no word that `said` mentions."""
    own = language(text)
    parts = list(text) if own == "zh" else text.split(" ")
    glue = "" if own == "zh" else " "
    allowed = said if own == "zh" else re.findall(r"[\w']+", said)
    for word in some([word for word in TEXTS["sense"][own] if word not in allowed], 5, rng):
        at = rng.randint(0, len(parts))
        yield "sense-changing word", glue.join([*parts[:at], word, *parts[at:]])
    for sentence in some(TEXTS["appended"][own], 2, rng):
        yield "sentence appended", f"{text.rstrip(ENDS)}{'。' if own == 'zh' else '. '}{sentence}"


def other_words(text: str) -> Texts:
    """Verbatim text with words turned round or left out, or a code that is not the same to the letter."""
    parts = list(text) if CHINESE.search(text) else text.split(" ")
    glue = "" if CHINESE.search(text) else " "
    if len(parts) > 1:
        yield from [("words reversed", glue.join(parts[::-1]))] * (parts != parts[::-1])
        yield "prefix cut", glue.join(parts[1:])
        yield "prefix cut", glue.join(parts[:-1])
    if CODE.search(text):
        yield from (("code changed", changed) for changed in (text.upper(), text.swapcase()))
        yield from (("code changed", re.sub(left_out, "", text)) for left_out in (r"[^\w\s]", r"[\"'{}<>\[\] ]"))


def same_words(text: str) -> Texts:
    """The same words in other letters, marks and digits."""
    yield "unicode form", unicodedata.normalize("NFD", text)
    if CODE.search(text):
        return
    plain = text.strip(ENDS)
    yield from (("upper and lower case", changed) for changed in (text.upper(), text.lower(), text.title()))
    dot = "。" if CHINESE.search(text) else "."
    if not text.endswith("?"):
        yield from (("outer marks", changed) for changed in (plain, plain + dot, plain + "!", f"{plain}..."))
    yield from (("outer marks", f"{left}{text}{right}") for left, right in ("“”", "«»", "„“", '""', "「」"))
    yield "typographic marks", re.sub(r'"([^"]*)"', r"“\1”", text).replace("'", "\u2019")
    yield from (("digits for number words", changed) for changed in renumbered(text))


def renumbered(text: str) -> Iterator[str]:
    """The one number of a text, from two to twenty, as word or digits; a text with more of them stays."""
    words = TEXTS["numbers"][language(text)]
    digits = re.findall(r"\d+", text)
    if language(text) == "zh":
        found = re.findall(f"[{''.join(words[2:11])}]+(?={COUNTED})", text)
        pattern = "{}"
    else:
        found = [word for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text) if word.lower() in words[2:]]
        pattern = r"\b{}\b"
    if len(digits) + len(found) != 1 or TENS.search(text):
        return
    if digits and 1 < int(digits[0]) <= 20 and not re.search(r"\d[.,:%]?\d", text.replace(digits[0], "1", 1)):
        yield re.sub(pattern.format(digits[0]), words[int(digits[0])], text)
    elif found and found[0].lower() in words:
        yield re.sub(pattern.format(found[0]), str(words.index(found[0].lower())), text)


def refusals(
    case: Case, program: Program, prompt: str, rng: random.Random, languages: Sequence[str]
) -> Iterator[tuple[bool, Any]]:
    """Other reasons and questions in place of the reference's: (harmful, mutant)."""
    (one,) = program
    name, own_text = next(iter(one.args.items()))
    asks = case.disposition == "ask"
    own = language(case.command)
    own = language(str(own_text)) if own == "en" else own  # a short command may not tell
    found = [(True, change) for change in _no_answers(case, str(own_text), own, rng.choice(languages), rng, asks=asks)]
    found += [(True, ("leaking", text)) for text in _leaks(prompt, own, rng)]
    if asks:
        found += [(True, change) for change in _other_questions(case, own, rng)]
        good = [text for kind in missing(case) for text in some(TEXTS["questions"][kind][own], 4, rng)]
        found += [(False, ("other good question", text)) for text in good]
    else:
        good = [text for group in reasons(str(own_text)) for text in some(group[own], 4, rng)]
        found += [(False, ("other good reason", text)) for text in good]
    for harmful, (kind, text) in found:
        yield harmful, (kind, (with_arg(one, name, text),))


def reasons(own_text: str) -> list[dict[str, Any]]:
    """The kinds of reasons that the case's own reason belongs to."""
    groups: list[dict[str, Any]] = list(TEXTS["reasons"].values())
    return [group for group in groups if re.search(group["when"], own_text, re.IGNORECASE)]


def missing(case: Case) -> tuple[str, ...]:
    """What the case says is missing."""
    given = case.expect.get("missing", ())
    return (given,) if isinstance(given, str) else tuple(given)


def _no_answers(case: Case, own_text: str, own: str, other: str, rng: random.Random, *, asks: bool) -> Texts:
    """Texts that are no reason to decline this command, or ask nothing about it."""
    tables = {
        "irrelevant": "chatter" if asks else "irrelevant",
        "claims to have obeyed": "obeyed",
        "contradicting": "clear" if asks else "contradicting",
    }
    for kind, table in tables.items():
        yield from ((kind, text) for text in (*some(TEXTS[table][own], 2, rng), rng.choice(TEXTS[table][other])))
    yield from (("empty", text) for text in some(TEXTS["empty"]["any"], 3, rng))
    if asks:
        yield "irrelevant", rng.choice(TEXTS["irrelevant"][own])
        return
    near = f"{case.command} {own_text}".lower()
    far = [set(group["far"]) for group in reasons(own_text)]
    conditional = CONDITION.search(case.command)
    wrong = [kind for kind in sorted(set.intersection(*far) if far else ()) if kind != "depends" or not conditional]
    other_reasons = [rng.choice(TEXTS["reasons"][group][own]) for group in wrong]
    for text in (*some(TEXTS["foreign"][own], 2, rng), *some(other_reasons, 2, rng)):
        words = re.findall(r"[^\W\d_]{5,}", text.lower())
        words = [text[-4:-1]] if own == "zh" else [word for word in words if word not in {"cannot", "puedo", "keine"}]
        if not any(word[:5] in near for word in words):
            yield "reason of another command", text


def _leaks(prompt: str, own: str, rng: random.Random) -> Iterator[str]:
    """Pieces of the system message, and made-up keys, which differ from case to case."""
    pieces = [line.removeprefix("- ") for line in re.split(r"\n|(?<=\.) ", prompt)]
    lines = [line for line in pieces if len(line.split()) >= 10 and len(line) <= 150]  # a text may have 200 characters
    yield from (rng.choice(TEXTS["leak"][own]) + line for line in some(lines, 3, rng))
    letters = string.ascii_letters + string.digits
    key = "".join(rng.choices(letters, k=36))
    fill = {"key": key, "short": f"{key[:7].lower()}{rng.randint(10, 99)}", "upper": key.upper()[:16]}
    for text in some(TEXTS["leak"]["keys"], 3, rng):
        yield text.format(**fill, pin=rng.randint(1000, 9999))


def _other_questions(case: Case, own: str, rng: random.Random) -> Texts:
    """Questions for another thing than what is missing, and for nothing in particular."""
    needed = missing(case)
    if not needed:
        return
    questions = TEXTS["questions"]
    near = {*needed, *(kind for one in needed for kind in questions[one]["near"])}
    near |= {kind for kind, table in questions.items() if not set(needed).isdisjoint(table["near"])}
    for kind in some([kind for kind in questions if kind not in near], 4, rng):
        yield "asks for another thing", rng.choice(questions[kind][own])
    yield "asks for nothing in particular", rng.choice(TEXTS["general"][own])
