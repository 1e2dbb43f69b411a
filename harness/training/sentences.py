"""From clauses to one command: lists, sentences, questions, reversed order, fragments, numbered steps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.training.bank import Bank, Dealer
from harness.training.clauses import Clause, hash_of

_FORMS = re.compile(r"\{([ab])(?:_(doing|done))?\}")
_STRUCTURES = (
    ("list",) * 9
    + ("sentences",) * 7
    + ("reverse",) * 6
    + ("bare",) * 2
    + ("numbered", "question", "question", "mixed", "mixed", "mixed")
)


def compose(clauses: Sequence[Clause], bank: Bank, dealer: Dealer, person: str) -> str:
    """Join clauses into one command, without typing noise."""
    if len(clauses) == 1:
        text = _one(clauses[0], bank, dealer, person)
    else:
        structure = dealer.draw("structure", _STRUCTURES)
        if structure == "question" and not clauses[-1].ask:
            structure = "list"
        if structure == "bare" and not all(clause.bare for clause in clauses):
            structure = "sentences"
        text = _BUILDERS[structure](clauses, bank, dealer, person)
    if person == "third":
        text = text.replace(", and when you're done ", ", and when that's done ")
    return _surround(text, bank, dealer)


def _one(clause: Clause, bank: Bank, dealer: Dealer, person: str) -> str:
    form = dealer.draw("single form", ("do",) * 7 + ("ask",) * 3 + ("bare",) * 2)
    if form == "ask" and clause.ask:
        return clause.ask
    if form == "bare" and clause.bare:
        return clause.bare
    return _open(clause.do, bank, dealer, person)


def _open(text: str, bank: Bank, dealer: Dealer, person: str) -> str:
    return dealer.draw(f"open {person}", bank.frames[person]["open"]).format(c=text)


def _joined(parts: Sequence[str], bank: Bank, dealer: Dealer) -> str:
    joins = bank.frames["join"]
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        return dealer.draw("join two", joins["two"]).join(parts)
    same = dealer.draw("join middle", joins["middle"])
    text = parts[0]
    for part in parts[1:-1]:
        text += (same if dealer.rng.random() < 0.6 else dealer.draw("join middle", joins["middle"])) + part
    return text + dealer.draw("join last", [join for join in joins["last"] if "before" not in join]) + parts[-1]


def _list(clauses: Sequence[Clause], bank: Bank, dealer: Dealer, person: str) -> str:
    return _open(_joined([clause.do for clause in clauses], bank, dealer), bank, dealer, person)


def _sentences(clauses: Sequence[Clause], bank: Bank, dealer: Dealer, person: str) -> str:
    """Groups of one to three clauses, each a sentence; the first may open with a frame."""
    groups: list[list[str]] = []
    rest = [clause.do for clause in clauses]
    while rest:
        size = dealer.draw("sentence size", (1, 1, 1, 2, 2, 3))
        groups.append(rest[:size])
        rest = rest[size:]
    first = _joined(groups[0], bank, dealer)
    opener = dealer.draw("first word", (*bank.frames["join"]["first"], "frame", "frame", "frame", "frame"))
    texts = [_open(first, bank, dealer, person) if opener == "frame" else f"{opener} {first}".strip()]
    return ". ".join(texts + _following(groups[1:], bank, dealer, person)).replace("?. ", "? ")


def _following(groups: Sequence[Sequence[str]], bank: Bank, dealer: Dealer, person: str) -> list[str]:
    texts = []
    for index, group in enumerate(groups):
        joins = bank.frames["join"]
        kind = "final" if index == len(groups) - 1 and dealer.draw("final word", (True, False)) else "sentence"
        word = dealer.draw(f"word {kind}", joins[kind])
        text = _joined(group, bank, dealer)
        if person == "third" and word and not word.endswith(("please", "Also")):
            text = dealer.draw("it", ("it should {}", "{}", "have it {}", "it must {}", "I want it to {}")).format(text)
        elif dealer.draw("you should", (True,) + (False,) * 7):
            text = dealer.draw(
                "you", ("I'd like you to {}", "you can {}", "please {}", "you should {}", "I want you to {}")
            ).format(text)
        texts.append(f"{word} {text}".strip())
    return texts


def _reverse(clauses: Sequence[Clause], bank: Bank, dealer: Dealer, person: str) -> str:
    """Two neighbours in a sentence that may name the second first; the others around it."""
    at = dealer.rng.randrange(len(clauses) - 1)
    first, second = clauses[at], clauses[at + 1]
    fits = [pattern for pattern in bank.frames["reverse"]["patterns"] if _can_fill(pattern, first, second)]
    text = dealer.draw(f"reverse {hash_of(fits)}", fits)
    opens = text.startswith(("{a}", "{b}"))
    text = _FORMS.sub(lambda match: _form(match, first, second), text)
    if opens and ". " not in text and at == 0 and dealer.draw("open reverse", (True, False)):
        text = _open(text, bank, dealer, person)
    before = [clause.do for clause in clauses[:at]]
    after = [clause.do for clause in clauses[at + 2 :]]
    parts = [_open(_joined(before, bank, dealer), bank, dealer, person)] if before else []
    parts.append(text if not before else f"{dealer.draw('then', ('Then', 'After that,', 'Next,', ''))} {text}".strip())
    parts += _following([after], bank, dealer, person) if after else []
    return ". ".join(parts).replace("?. ", "? ")


def _can_fill(pattern: str, first: Clause, second: Clause) -> bool:
    return all(_form(match, first, second) for match in _FORMS.finditer(pattern))


def _form(match: re.Match[str], first: Clause, second: Clause) -> str:
    clause = first if match[1] == "a" else second
    return str(getattr(clause, match[2] or "do"))


def _bare(clauses: Sequence[Clause], _bank: Bank, dealer: Dealer, _person: str) -> str:
    separator = dealer.draw(
        "fragments", (", ", ", ", " then ", ", then ", " -> ", "; ", ". ", " + ", " / ", " > ", "... ")
    )
    return separator.join(clause.bare for clause in clauses)


def _numbered(clauses: Sequence[Clause], _bank: Bank, dealer: Dealer, _person: str) -> str:
    mark = dealer.draw("numbering", ("{}. ", "{}) ", "({}) ", "step {}: ", "{}: ", "- "))
    separator = dealer.draw("numbers apart", (" ", ", ", "; ", "\n"))
    return separator.join(mark.format(index) + clause.do for index, clause in enumerate(clauses, start=1))


def _question(clauses: Sequence[Clause], bank: Bank, dealer: Dealer, person: str) -> str:
    before = _open(_joined([clause.do for clause in clauses[:-1]], bank, dealer), bank, dealer, person)
    return f"{before}. {clauses[-1].ask}".replace("?. ", "? ")


def _mixed(clauses: Sequence[Clause], bank: Bank, dealer: Dealer, person: str) -> str:
    """A plain list with the time words of speech: "...; once there ...", "on arrival"."""
    text = clauses[0].do
    for clause in clauses[1:]:
        text += dealer.draw(
            "time words",
            (
                ", then ",
                ", and ",
                ", wait until that is done and ",
                "; when done, ",
                ". Afterwards ",
                " and straight after that ",
                ", and as soon as that is finished ",
                ". Right after, ",
                ", next thing: ",
                " and following that ",
                ". Once that is out of the way, ",
                " and at the end of that ",
                ", and in the same go ",
            ),
        )
        text += clause.do
    return _open(text, bank, dealer, person) if ". " not in text else text


_BUILDERS = {
    "list": _list,
    "sentences": _sentences,
    "reverse": _reverse,
    "bare": _bare,
    "numbered": _numbered,
    "question": _question,
    "mixed": _mixed,
}


def _surround(text: str, bank: Bank, dealer: Dealer) -> str:
    """Sometimes thanks, a reason, or a sentence that asks for nothing."""
    extra = dealer.draw("around", (None,) * 14 + ("polite", "polite", "context", "context", "since"))
    end = "" if re.search(r"[.?!]\W*$", text) else "."
    if extra == "polite" and not end:
        return text
    if extra == "polite":
        return f"{text}, {dealer.draw('polite', bank.frames['close']['polite'])}"
    if extra == "context":
        sentence = dealer.draw("context", bank.frames["close"]["context"])
        return f"{sentence} {text}" if dealer.draw("context first", (True, True, False)) else f"{text}{end} {sentence}"
    if extra == "since":
        return f"{dealer.draw('since', bank.frames['close']['since'])}, {text}"
    return text
