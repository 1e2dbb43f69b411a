"""Judges a reason to decline and a question, by the pack's tables, the command and the references' reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.simulation.lexicon import ROWS, Unit
from harness.simulation.said import Command
from harness.simulation.stems import within
from harness.simulation.trace import ASKED

_QUESTION = re.compile(r"[?\uff1f]")
_FOR_ANYTHING = 3  # kinds that a word asks for which may ask for anything
_FREE, _EACH = 3, 2  # words of other matters that a reason may have, and more for each that it shares
_BESIDE = 4  # words of other matters that a question may have which speaks of the command
_GENERIC = frozenset({"small", "polite", "negations", "able", "began", "choices", "asks", "would"})
_PLAIN = _GENERIC | {"unable", "why", "neutral", "turns"}
_LIGHT = _PLAIN - {"why"}  # what may stand between a denial and what is denied


def wrong_reply(command: Command, event: str, text: str) -> str:
    """What is wrong with a reason or a question, in words; empty for nothing."""
    lexicon = command.speech.lexicon
    words = lexicon.stems(text)
    if not words:
        return "it says nothing"
    lexicon = lexicon.of_questions if event == ASKED else lexicon.of_reasons
    clauses = lexicon.spoken(text)
    choice = any("choices" in one.tags for one in _units(clauses))
    if within(words, command.words) is not None and not (event == ASKED and choice):
        return "it only repeats the command"
    if not lexicon.phrases:
        return ""
    whole = within(command.words, words)
    if whole is not None and len(command.words) > 2:  # the command quoted in full is no reason
        clauses = (lexicon.mark(words[:whole]), lexicon.mark(words[whole + len(command.words) :]))
    agreeing = next(filter(None, map(_agreeing, clauses)), "")
    if agreeing and (event != ASKED or not _QUESTION.search(text)):
        return f"it agrees: {agreeing!r}"
    return _question(command, text, clauses) if event == ASKED else _reason(command, text, clauses)


def _units(clauses: Sequence[Sequence[Unit]]) -> Iterator[Unit]:
    return (unit for clause in clauses for unit in clause)


def _agreeing(units: Sequence[Unit]) -> str:
    """The phrase by which a clause agrees; empty where it does not, or denies it first."""
    for unit in units:
        if "agrees" in unit.tags and "why" not in unit.tags:
            return " ".join(unit.words)
        if "negations" in unit.tags:
            return ""
    return ""


def _reason(command: Command, text: str, clauses: Sequence[Sequence[Unit]]) -> str:
    if denied := _denied(command, clauses):
        return f"the robot can do that, or has it: {denied!r}"
    tags = {tag for one in _units(clauses) for tag in one.tags}
    # Whoever is unable is unable to do what is wrong with the command; a danger or a rule may be told in more ways.
    rows = command.faults if "unable" in tags else command.matters
    shared, strangers = _count(command, text, clauses, rows, reason=True)
    why = "why" in tags or (shared > 0 and "would" in tags)
    if not (why or "unable" in tags or ("negations" in tags and ("able" in tags or (shared > 0 and "me" in tags)))):
        return "it says no reason"
    beside = strangers > (_FREE if why else 0) + _EACH * shared
    return "it has nothing to do with the command" if beside else ""


def _denied(command: Command, clauses: Sequence[Sequence[Unit]]) -> str:
    """What the robot can do or has, and a reason denies as no reference does; empty where it tells what is wrong."""
    found = next(filter(None, (_denial(command, units) for units in clauses)), "")
    references = [command.speech.lexicon.of_reasons.spoken(reason) for reason in command.reasons]
    if not found or any(_denial(command, units) == found for one in references for units in one):
        return ""
    hurts = command.may_hurt or any("why" in one.tags for reference in references for one in _units(reference))
    by_word = not any(row.startswith("alike.") for row in command.faults)
    for one in _units(clauses):
        if "abilities" in one.tags:
            continue
        told = command.speaks_of(one.words)
        fault = command.speaks_of(one.words, command.heart) if by_word else not told and one.tags & command.faults
        if fault or (hurts and "why" in one.tags and "unable" not in one.tags):
            return ""
    return found


def _denial(command: Command, units: Sequence[Unit]) -> str:
    """What a clause denies of the robot's abilities: behind "cannot" and small words, or words of the command."""
    denied = False
    for one in units:
        forbids = "negations" in one.tags and not one.tags.isdisjoint(("able", "why")) and not command.may_hurt
        starts = "unable" in one.tags or forbids
        denied = denied or starts
        if denied and "abilities" in one.tags and one.tags.isdisjoint(command.faults):
            return " ".join(one.words)
        if not starts and one.tags.isdisjoint(_LIGHT) and not command.speaks_of(one.words):
            denied = False
    return ""


def _count(
    command: Command, text: str, clauses: Sequence[Sequence[Unit]], rows: frozenset[str], *, reason: bool
) -> tuple[int, float]:
    """How many words speak of what the command speaks of, `rows` among it, and how many of something else.

    In a reason only what is at the heart of the command is shared. Words of another row count much there, little in
    a question; a Chinese character half, and there an unknown word in another language than the command's nothing.
    """
    language = command.speech.lexicon.language
    abroad = reason and not {*language(text)} & {*language(command.text)}
    shared, strangers = 0, 0.0
    for words, tags in _units(clauses):
        own = words[0] in command.answers or words[0][0].isdigit() or any(tag.startswith("missing.") for tag in tags)
        told = not tags.isdisjoint(rows) or (tags.isdisjoint(_GENERIC) and command.speaks_of(words))
        if told and not (reason and tags.isdisjoint(command.heart) and not command.speaks_of(words, command.heart)):
            shared += 1
        elif told:
            strangers += 0.5 if reason else 0
        elif tags.isdisjoint(("neutral", "small")) and any(tag.startswith(ROWS) for tag in tags):
            strangers += 4 if reason else 0 if own else 0.5
        elif tags.isdisjoint(_PLAIN) and not (abroad or own):
            strangers += 0.5 if len(words) == 1 and words[0] >= "\u3040" else 1
    return shared, strangers


def _question(command: Command, text: str, clauses: Sequence[Sequence[Unit]]) -> str:
    units = [_counted(one, clause[at + 1 :]) for clause in clauses for at, one in enumerate(clause)]
    tags = {tag for one in units for tag in one.tags}
    if not (_QUESTION.search(text) or "asks" in tags):
        return "it asks nothing"
    shared, strangers = _count(command, text, clauses, command.matters, reason=False)
    named = any(not command.answers.isdisjoint(one.words) for one in units)
    asked = {tag for tag in tags if tag.startswith("missing.")}
    wanted = {f"missing.{kind}" for kind in command.missing}
    meant = "means" in tags and max(shared, strangers) > 0
    others = any(_kinds(one) and "asks" not in one.tags and wanted.isdisjoint(one.tags) for one in units)
    chosen = shared > 1 and "choices" in tags and not (others and wanted.isdisjoint(asked))
    fits = named or chosen or _asks_for(command, units, wanted, meant)
    if wanted and (not fits or _astray(units, wanted) or _others_named(command, units)):
        return f"it does not ask for {' or '.join(command.missing)}"
    if not (shared or asked or named):
        return "it has nothing to do with the command"
    strong = meant or any(not (wanted or asked).isdisjoint(one.tags) and _certain(command, one) for one in units)
    if len(units) == len(units[0].words) == 1 and not (shared or named or strong):
        return "it asks for nothing in particular"
    if strangers > (_BESIDE if shared or named else 2 if strong else 0.5):
        return "it has little to do with the command"
    return ""


def _counted(one: Unit, after: Sequence[Unit]) -> Unit:
    """A unit as what it asks for: "how many photos" asks for a number, "how many metres per second" for a speed."""
    kinds, follows = _kinds(one), next((unit for unit in after if "small" not in unit.tags), None)
    if "asks" not in one.tags or follows is None or kinds.isdisjoint(("missing.number", "missing.distance")):
        return one
    if more := _kinds(follows):
        return Unit(one.words, one.tags | more)
    if "missing.distance" in kinds or follows.tags & {"polite", "neutral", "asks"}:  # "how much" may ask for anything
        return one
    return Unit(one.words, one.tags - kinds | {"missing.number"})


def _kinds(unit: Unit) -> set[str]:
    """What a word or phrase asks for."""
    return {tag for tag in unit.tags if tag.startswith("missing.") and tag.count(".") == 1}


def _certain(command: Command, unit: Unit) -> bool:
    """Whether it tells what it asks for: "what" and "which" alone ask for anything, "where" does not."""
    return any(map(command.weighs, unit.words)) or len(_kinds(unit)) < _FOR_ANYTHING


def _asks_for(command: Command, units: Sequence[Unit], wanted: set[str], meant: bool) -> bool:
    """Whether a question is for what is wanted: "which" and "do you mean" ask for what is named beside them."""
    fitting = [one for one in units if not wanted.isdisjoint(one.tags)]
    others = [one.words for one in units if _kinds(one) and wanted.isdisjoint(one.tags)]
    free = not any(command.weighs(word) for words in others for word in words if not command.speaks_of(words))
    return any(_certain(command, one) for one in fitting) or (free and (meant or len(fitting) > 0))


def _astray(units: Sequence[Unit], wanted: set[str]) -> bool:
    """Whether all that asks is for something else, as "how long" where no time is wanted; "what" asks for anything."""
    asking = [kinds for one in units if "asks" in one.tags and "choices" not in one.tags and (kinds := _kinds(one))]
    return len(asking) > 0 and all(wanted.isdisjoint(kinds) and "missing.object" not in kinds for kinds in asking)


def _others_named(command: Command, units: Sequence[Unit]) -> bool:
    """Whether a choice is offered between things that the command does not name, where it names a choice of its own."""
    at = next((at for at, one in enumerate(units) if "choices" in one.tags), 0)
    own = any("choices" in one.tags for one in _units(command.speech.lexicon.spoken(command.text)))
    near = [[one for one in some if "small" not in one.tags][:1] for some in (units[:at][::-1], units[at + 1 :])]
    return own and all(some and not (some[0].tags or command.speaks_of(some[0].words)) for some in near)
