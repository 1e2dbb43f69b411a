"""From a plan to one command: each step in words, sentences of them, and how somebody types these."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .bank import Bank
from .slots import SLOT
from .steps import GOALS, Step

Clause = dict[str, str]
FORMS = ("do", "doing", "done", "ask", "bare")
# What can be said of a place in one breath: "count the chairs in the office".
MERGES = (
    "find", "find_report", "count", "count_report", "person", "person_report", "scene", "scene_report", "photo", "wave",
    "stretch", "dance1", "dance2", "wait", "say", "battery", "pose", "sit", "lie", "spin",
)  # fmt: skip


def clauses(bank: Bank, plan: Sequence[Step], person: str) -> list[Clause]:
    """Each step in words; some goals melt together with what is done there."""
    made: list[Clause] = []
    left, been = list(plan), False
    while left:
        one = left.pop(0)
        forms = dict(bank.words["phrases"].get(one.skill, {"do": [one.slots.get("phrase", "")]}))
        slots = _slots(bank, one, person, last=not left)
        if one.skill == "goto" and left and left[0].skill in MERGES and bank.chance(1 / 3):
            then = left.pop(0)
            slots = {**_slots(bank, then, person, last=False), **one.slots}
            made.append(_there(bank, bank.words["phrases"][then.skill], slots))
        else:
            if been and "back" in forms and bank.chance(0.4):
                forms["do"] = forms["back"]
            elif not been:
                forms["do"] = forms["do"] + forms.get("begin", []) + forms.get("alone", []) * (len(plan) == 1)
            made.append({form: bank.phrase(forms[form]).format_map(slots) for form in FORMS if forms.get(form)})
        been = been or one.skill in GOALS
    return made


def _there(bank: Bank, forms: Mapping[str, Any], slots: Mapping[str, str]) -> Clause:
    """What is done at a place, which is named after it or before a trailing "and tell me"; seldom at the beginning."""
    made = {form: bank.phrase(forms[form]).format_map(slots) for form in FORMS if forms.get(form) and form != "ask"}
    end, where = r"(?=,? and (?:tell|let|report|give)\b)|$", slots["in_room"]
    placed = {form: re.sub(end, f" {where}", text, count=1) for form, text in made.items()}
    if bank.chance(1 / 8):
        placed["do"] = f"{where} {made['do']}"
    return placed | ({"ask": bank.phrase(forms["ask_room"]).format_map(slots)} if "ask_room" in forms else {})


def _slots(bank: Bank, one: Step, person: str, *, last: bool) -> dict[str, str]:
    """What fills the slots: spoken words in quotes (at the end not always), "your" as "its" in the third."""
    slots = {**bank.words["frames"]["person"][person], **one.slots}
    for name, text in one.slots.items():
        if name in ("speech", "message"):
            marks = ("'{}'", '"{}"', "\u201c{}\u201d", '"{}"', "{}" if last else '"{}"')
            slots[name] = bank.draw(marks[1:] if "'" in text else marks).format(text)
        elif person == "third" and name in ("angle", "motion", "attitude", "spin"):
            slots[name] = re.sub(r"\byour\b", "its", re.sub(r"\byou\b", "it", text))
    return slots


def compose(bank: Bank, parts: Sequence[Clause], person: str) -> str:
    """Clauses as one command, cleanly typed; sometimes with thanks, a reason, or a sentence that asks for nothing."""
    form = bank.share("single") if len(parts) == 1 else ""
    text = parts[0].get(form, "") if form != "do" else ""
    text = text or (_open(bank, parts[0]["do"], person) if form else _several(bank, parts, person))
    if person == "third":
        text = text.replace("when you're done", "when that's done")
    extra = bank.draw((*[""] * 14, "polite", "polite", "context", "context", "since"))
    ended, words = re.search(r"[.?!]\W*$", text), bank.draw(bank.words["frames"]["close"][extra or "polite"], "extra")
    if not extra or (extra == "polite" and ended):
        return text
    if extra == "polite":
        return f"{text}, {words}"
    if extra == "since":
        return f"{words}, {text}"
    return f"{words} {text}" if bank.chance(2 / 3) else f"{text}{'' if ended else '.'} {words}"


def _several(bank: Bank, parts: Sequence[Clause], person: str) -> str:
    shape, joins = bank.share("sentence"), bank.words["frames"]["join"]
    texts = [part["do"] for part in parts]
    if shape == "numbered":
        mark, apart = bank.draw(joins["numbers"]), bank.draw((" ", ", ", "; ", "\n"))
        return apart.join(f"{mark.format(n)}{text}" for n, text in enumerate(texts, start=1))
    if shape == "fragments" and all("bare" in part for part in parts):
        return str(bank.draw(joins["fragments"])).join(part["bare"] for part in parts)
    if shape == "question" and "ask" in parts[-1]:
        return _sentences([_open(bank, _joined(bank, texts[:-1]), person), parts[-1]["ask"]])
    if shape == "mixed":
        text = texts[0] + "".join(bank.draw(joins["mixed"]) + part for part in texts[1:])
        return text if ". " in text else _open(bank, text, person)
    if shape == "reverse":
        return _reverse(bank, parts, person)
    if shape == "list":
        return _open(bank, _joined(bank, texts), person)
    groups: list[str] = []
    while texts:
        size = bank.draw((1, 1, 1, 2, 2, 3))
        groups.append(_joined(bank, texts[:size]))
        texts = texts[size:]
    opening = bank.draw((*joins["first"], *["frame"] * 4))
    first = _open(bank, groups[0], person) if opening == "frame" else f"{opening} {groups[0]}".strip()
    return _sentences([first, *_following(bank, groups[1:], person)])


def _reverse(bank: Bank, parts: Sequence[Clause], person: str) -> str:
    """Two neighbours in a sentence that may name the second first; the others around it."""
    at, slot = bank.rng.randrange(len(parts) - 1), r"\{([ab])(?:_(doing|done))?\}"
    pair = dict(zip("ab", parts[at : at + 2], strict=True))
    patterns = bank.words["frames"]["reverse"]["patterns"]
    pattern = bank.draw([p for p in patterns if all((m[2] or "do") in pair[m[1]] for m in re.finditer(slot, p))])
    text = re.sub(slot, lambda m: pair[m[1]][m[2] or "do"], pattern)
    before, after = [part["do"] for part in parts[:at]], [part["do"] for part in parts[at + 2 :]]
    if before:
        then = bank.draw(("Then", "After that,", "Next,", ""))
        start = [_open(bank, _joined(bank, before), person), f"{then} {text}".strip()]
    else:
        start = [_open(bank, text, person) if re.match(r"\{[ab]\}[^.]*$", pattern) and bank.chance(0.5) else text]
    return _sentences([*start, *_following(bank, [_joined(bank, after)] if after else [], person)])


def _following(bank: Bank, groups: Sequence[str], person: str) -> list[str]:
    """Later sentences with the words that begin them."""
    joins, made = bank.words["frames"]["join"], []
    for n, group in enumerate(groups, start=1):
        word = bank.draw(joins["final" if n == len(groups) else "sentence"])
        polite = person == "second" and not word.endswith(":") and bank.chance(1 / 8)
        made.append(f"{word} {bank.draw(joins['polite']).format(group) if polite else group}".strip())
    return made


def _sentences(texts: Sequence[str]) -> str:
    return ". ".join(texts).replace("?. ", "? ")


def _open(bank: Bank, text: str, person: str) -> str:
    return str(bank.draw(bank.words["frames"][person]["open"]).format(c=text))


def _joined(bank: Bank, texts: Sequence[str]) -> str:
    joins = bank.words["frames"]["join"]
    if len(texts) == 2:
        return str(bank.draw(joins["two"])).join(texts)
    *first, last = texts
    return str(bank.draw(joins["middle"])).join(first) + str(bank.draw(joins["last"]) if first else "") + last


MARKED = re.compile("(\ue000.*?\ue001|\ue002.*?\ue003)", re.DOTALL)


def typed(bank: Bank, text: str) -> str:
    """The command as somebody types it: capitals and full stops or neither, fillers, short forms, slips."""
    manner, rng, how = bank.share("typing"), bank.rng, bank.words["frames"]["typing"]
    if manner == "slips":
        text = _outside(text, lambda part: _slip(bank, part), also=SLOT[0] if bank.chance(0.35) else "")
    elif manner == "filler":
        pause, gap = rng.choice(how["fillers"]), r"(?<=\w) (?=(?:and|then|to|after) )"
        within = _outside(text, lambda part: re.sub(gap, f", {pause}, ", part, count=1))
        text = within if bank.chance(0.5) else f"{pause}, {text}"
    elif manner == "short":
        long = "|".join(word for word in how["short"] if bank.chance(0.6)) or "(?!)"
        # Only before a word: "to" before a slot, which may be a number, stays.
        text = _outside(text, lambda part: re.sub(rf"\b({long})\b(?= [a-z])", lambda m: how["short"][m[1]], part))
    text = re.sub(r"(^|[.?!] )([\ue000-\ue003]*)([a-z])", lambda m: m[1] + m[2] + m[3].upper(), text)
    if manner in ("lower", "bare") or (manner == "slips" and bank.chance(0.4)):
        text = "".join(p if p.startswith("\ue000") else p.lower() for p in re.split("(\ue000.*?\ue001)", text))
    if manner == "capitals" and "\ue000" not in text:
        text = text.upper()
    if manner == "bare":
        text = _outside(text, lambda part: re.sub(r"[.,;:!]+(?= |$)", "", part))
    elif not re.search(r"[.?!]\W*$", text) and bank.chance(0.8):
        text += "." if bank.chance(0.93) else "!"
    text = re.sub(r" {2,}", " ", text)
    if manner == "spaces":
        text = _outside(text, lambda part: re.sub(" ", lambda _: "  " if bank.chance(0.2) else " ", part))
    return re.sub("[\ue000-\ue003]", "", text).strip()


def _outside(text: str, change: Callable[[str], str], also: str = "\0") -> str:
    """Change what is not marked, and marked texts that begin with `also` and hold nothing to be spoken."""
    parts = MARKED.split(text)
    free = [n % 2 == 0 or (also and part.startswith(also) and "\ue000" not in part) for n, part in enumerate(parts)]
    return "".join(change(part) if is_free else part for part, is_free in zip(parts, free, strict=True))


def _slip(bank: Bank, part: str) -> str:
    """One slip in a word of four letters or more; none where it could change what is meant."""
    how, words = bank.words["frames"]["typing"], part.split(" ")
    places = [
        n for n, w in enumerate(words) if w.isalpha() and w.islower() and len(w) > 3 and w not in how["exact"].split()
    ]
    if not places or bank.chance(0.3):
        return part
    n = bank.rng.choice(places)
    word, at = words[n], bank.rng.randrange(1, len(words[n]) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    near = how["neighbours"].get(word[at], "")
    hit = word[:at] + bank.rng.choice(near) + word[at + 1 :] if near else swapped
    dropped, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
    words[n] = bank.rng.choice((swapped, swapped, dropped, dropped, doubled, hit))
    return " ".join(words)
