"""What has to be understood first: references within a command, numbers to be worked out, indirect speech."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from .bank import Bank
from .calls import ARRIVE, FIXED, Calls, go, look, quoted, say, spin, volume, wait, walk
from .slots import EXACT, SLOT, in_words, place, thing
from .steps import step

Said = dict[str, str]
Made = tuple[Calls, str, Said]  # the calls, the wording that was drawn, what fills its slots
RATIOS = {"half": 0.5, "double": 2.0, "third": 1 / 3}
SAME = ("count_report", "find_report", "person_report", "scene_report", "photo", "wave", "find")
WINDS = ("north", "east", "south", "west")
COUNTS = ("the first one", "the second one", "the third one", "the fourth one")


def twist(bank: Bank, kind: str) -> tuple[str, Calls, str]:
    """A skill, its calls and its wording with the slots filled; after `=` a complete command."""
    name = bank.share(kind)
    calls, wording, slots = {"reference": reference, "arithmetic": arithmetic, "indirect": indirect}[kind](bank, name)
    if wording[0] == "=":
        begin = bank.draw(bank.words["twists"]["begin"]["with"]) or bank.draw(bank.words["frames"]["close"]["context"])
        lowered = wording[1:] if begin[-1] in ".!=" else re.sub(r"^[A-Z](?=[a-z])", lambda m: m[0].lower(), wording[1:])
        wording = f"={begin.removeprefix('=')} {lowered}"
    marked = {slot: text if re.search("[\ue000\ue002]", text) else SLOT.format(text) for slot, text in slots.items()}
    text = re.sub(r"(\b(?:1|one)\ue003 (?:metre|second|degree))s", r"\1", bank.phrase([wording]).format_map(marked))
    return f"{kind}.{name}", calls, text


def _wording(bank: Bank, name: str, *forms: str) -> tuple[str, str]:
    """A form and a wording of it, each wording as often as another."""
    table = bank.words["twists"][name]
    return bank.draw([(form, text) for form in forms or table for text in table[form]], name)


def _number(bank: Bank, value: float) -> str:
    return in_words(int(value)) if value == int(value) and bank.chance(0.2) else f"{value:g}"


def _rooms(bank: Bank, count: int) -> tuple[list[str], list[Said]]:
    """Different rooms: their names and what is said for them."""
    found: dict[str, Said] = {}
    while len(found) < count:
        name, said = place(bank)
        found.setdefault(name, said)
    return [*found], [*found.values()]


def _two_rooms(bank: Bank) -> tuple[str, str, Said]:
    (one, two), (here, there) = _rooms(bank, 2)
    return one, two, here | {f"{slot}2": text for slot, text in there.items()}


def _act(bank: Bank, wording: str, skills: Sequence[str]) -> tuple[Calls, Mapping[str, str]]:
    """Something small to do in between, where the wording has room for it."""
    if "{act}" not in wording:
        return (), {}
    one = step(bank, bank.draw(skills, "act"))
    slots = {**bank.words["frames"]["person"]["second"], **one.slots}
    return one.calls, {"act": SLOT.format("") + bank.phrase(bank.words["phrases"][one.skill]["do"]).format_map(slots)}


def _sides(bank: Bank, deck: str) -> tuple[int, Said]:
    side, other = bank.draw((("left", "right"), ("right", "left")), deck)
    return (1 if side == "left" else -1), {"side": side, "other": other}


def _sentence(fact: str) -> str:
    return f"{fact[0].upper()}{fact[1:]}."


def _tour(names: Sequence[str]) -> Calls:
    return f"self.follow_waypoints(rooms=[{', '.join(map(quoted, names))}])", ARRIVE


def _listed(bank: Bank, said: Sequence[Said]) -> str:
    *first, last = (one["room"] for one in said)
    return ", ".join(first) + bank.draw((" and ", ", and ", ", ")) + last


def reference(bank: Bank, name: str) -> Made:
    """What is taken back, left out, done again, or meant by "there" and "the first"."""
    form, wording = _wording(bank, name)
    sign, said = _sides(bank, name)
    if name == "other_thing":
        (_, x), (wanted, y) = thing(bank), thing(bank)
        return look("find_object", wanted, report=form == "tell"), wording, {"x": x["obj"], "y": y["obj"]}
    if name == "other_number":
        values: Sequence[float] = {
            "angle": range(10, 185, 5), "wait": range(2, 60), "volume": range(11), "charge_to": range(5, 101, 5),
            "move": (0.5, 1, 1.5, 2, 2.5, 3, 4),
        }[form]  # fmt: skip
        taken, meant = bank.rng.sample(values, 2)
        ahead, way = bank.draw(((1, "forward"), (1, "ahead"), (-1, "back"), (-1, "backwards")))
        calls = {
            "angle": spin(math.radians(sign * meant)), "wait": wait(meant), "volume": volume(meant),
            "charge_to": (*FIXED["charge"], f"self.wait_for_charge(level={meant})"),
            "move": walk(ahead * (meant or 1), 0),
        }[form]  # fmt: skip
        return calls, wording, {**said, "n": f"{taken:g}", "m": f"{meant:g}", "way": way}
    if name == "way_back":
        done, act = _act(bank, wording, ("photo", "wave", "battery", "wait", "person", "scene_report"))
        a, b, length = bank.rng.randrange(10, 185, 5), bank.rng.randrange(5, 95, 5), bank.draw((0.5, 1, 1, 1.5))
        out, more, back = (spin(math.radians(sign * angle)) for angle in (a, b, -a - b if form == "sum" else -a))
        if form == "move":
            out, back = walk(length, 0), walk(-length, 0)
        said |= {**act, "a": _number(bank, a), "b": _number(bank, b), "l": f"{length:g}"}
        return (*out, *done, *(more if form == "sum" else ()), *back), wording, said
    if name == "twice":
        times = 2 if form == "two" else bank.draw((2, 2, 3, 3, 4))
        done, act = _act(bank, "{act}", ("wave", "stretch", "dance1", "photo", "spin", "wave", "dance2"))
        shown = {2: ("twice", "two times"), 3: ("three times", "3 times"), 4: ("four times", "4 times")}[times]
        return done * times, wording, {**act, "n": bank.draw(shown)}
    if name == "same_there":
        one, two, rooms = _two_rooms(bank)
        done, act = _act(bank, wording, SAME) if form == "do" else step(bank, form)[1:]
        return (*go(one), *done, *go(two), *done), wording, {**act, **rooms}
    if name == "pronoun":
        room, said = place(bank)
        fact = bank.draw(bank.words["twists"]["tell"]["facts"])
        filled: Mapping[str, str] = {"fact": EXACT.format(fact)}
        calls = say(_sentence(fact)) if form == "say" else ()
        if form not in ("say", "goto"):
            _, calls, filled = step(bank, form)
        return go(room) + calls, wording, {**thing(bank)[1], **filled, **said, "name": bank.name()}
    count = bank.draw((3, 3, 4, 5)) if name == "but" else 2 if form in ("two", "latter", "former") else 3
    names, places = _rooms(bank, count)
    slots = {letter: one["room"] for letter, one in zip("abc", places, strict=False)} | {"in_a": places[0]["in_room"]}
    slots |= {"x": places[0]["room"], "y": places[1]["room"], "all": _listed(bank, places)}
    if name == "but":
        skipped = bank.rng.randrange(len(names))
        which, room = COUNTS[skipped] if skipped < len(names) - 1 else "the last one", places[skipped]["room"]
        slots["out"] = bank.draw((room, room, which))
        return _tour([one for n, one in enumerate(names) if n != skipped]), wording, slots
    first, second, third = (*names, "")[:3]
    if (name, form) == ("reverse", "do"):
        return _tour(names[::-1]), wording, slots
    goals = {
        "other_room": (second,), "first": (first, second, first), "second": (first, second, third, second),
        "two": (second, first), "latter": (second,), "former": (first,),
    }[name if form == "do" else form]  # fmt: skip
    return tuple(call for one in goals for call in go(one)), wording, slots


def arithmetic(bank: Bank, name: str) -> Made:
    """A number that nobody says: it follows from those that are said."""
    form, wording = _wording(bank, name, *(("turn", "wait", "move") if name == "ratio" else ()))
    sign, said = _sides(bank, name)
    way, ahead = bank.draw((("forward", 1), ("straight ahead", 1), ("backwards", -1)), name)
    done, act = _act(bank, wording, ("photo", "pose") if name == "legs" else ("photo", "wave", "battery", "pose"))
    said |= {"way": way, **act}
    if name == "feet":
        feet, inches = bank.draw((0, 1, 2, 3, 4, 5, 6, 8)), bank.draw((0, 2, 3, 4, 6, 6, 8, 9, 10))
        inches = inches or 6 if not feet else inches
        yards = bank.draw((0, 0, 0, 0, 1, 2, 3))
        in_yards, in_feet = f"{_number(bank, yards)} yards", f"{_number(bank, feet)} feet" * (feet > 0)
        in_feet += bank.draw((" ", " and ")) * (feet > 0 < inches) + f"{_number(bank, inches)} inches" * (inches > 0)
        said["l"] = re.sub(r"^(1|one) yards", r"\1 yard", in_yards) if yards else in_feet
        said["l"] = re.sub(r"^(1|one) feet", r"\1 foot", said["l"])
        return walk(ahead * (yards * 0.9144 or feet * 0.3048 + inches * 0.0254), 0), wording, said
    if name == "clock":
        hour = bank.draw((1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 3, 9, 6))
        return spin(math.radians(-30 * hour if hour < 6 else 30 * (12 - hour))), wording, {"h": _number(bank, hour)}
    if name == "compass":
        at, by = bank.rng.randrange(4), bank.draw((1, 3, 1, 3, 2))
        return spin(math.radians({1: -90, 2: 180, 3: 90}[by])), wording, {"from": WINDS[at], "to": WINDS[(at + by) % 4]}
    if name == "ratio":
        ratio = bank.draw((*RATIOS, "half", "double"), form)
        length = {"half": bank.draw((1, 2)), "double": bank.draw((0.5, 1)), "third": 1.5}[ratio]
        a = {"turn": bank.rng.randrange(30, 181, 30), "wait": bank.rng.randrange(6, 61, 6), "move": length}[form]
        said["a"] = _number(bank, a)
        said["r"] = bank.draw(bank.words["twists"]["ratio"][ratio + "_wait" * (form == "wait")])
        b = RATIOS[ratio] * a
        turns = spin(math.radians(sign * a)), spin(math.radians((sign if "same direction" in wording else -sign) * b))
        both = {"turn": turns, "wait": (wait(a), wait(b)), "move": (walk(a, 0), walk(-b, 0))}[form]
        return (*both[0], *done, *both[1]), wording, said
    if name == "legs":
        count = bank.draw((2, 3, 4, 4, 5) if form == "turn" else (2, 3))
        whole, leg = bank.draw((360, 180, 90, 270)) if "{all}" in wording else 360, bank.draw((0.5, 1, 0.5))
        if bank.chance(0.5):
            seconds = bank.rng.randint(2, 9)
            done, said["act"] = wait(seconds), f"wait {_number(bank, seconds)} seconds"
        part = spin(sign * math.radians(whole / count)) if form == "turn" else walk(ahead * leg, 0)
        said |= {"all": f"{whole}", "n": _number(bank, count), "l": f"{count * leg:g}"}
        return (*part, *done) * count, wording, said
    if name == "shares":
        one, two, rooms = _two_rooms(bank)
        minutes, seconds = bank.draw((0, 0, 0, 2, 3, 4)), bank.rng.randrange(10, 120, 2)
        half = (60 * minutes or seconds) / 2
        shown = f"{minutes} minutes" if minutes else f"{seconds} seconds"
        return (*go(one), *wait(half), *go(two), *wait(half)), wording, {**rooms, "t": shown}
    return _total(bank, form, wording, sign, said)


def _total(bank: Bank, form: str, wording: str, sign: int, said: Said) -> Made:
    """Sums, differences, multiples and parts of numbers."""
    kind = {"short": "angle", "angle": "angle", "charge": "charge", "volume": "volume", "quieter": "volume",
            "maximum": "volume"}.get(form, "wait")  # fmt: skip
    unit, first, second = {"angle": (5, 24, 8), "wait": (1, 40, 20), "volume": (1, 6, 3), "charge": (5, 15, 5)}[kind]
    a, b = unit * bank.rng.randint(4, first), unit * bank.rng.randint(1, second)
    minutes, seconds = bank.draw((1, 1, 2, 3)), 5 * bank.rng.randint(1, 11)
    times, each = bank.rng.randint(2, 5), bank.rng.randint(2, 20)
    result = {
        "short": 360 - a, "quieter": a - b, "maximum": 10 - b, "charge": a + b if "{a}" in wording else 100 - b,
        "minutes": 60 * minutes + seconds, "less": 60 * minutes - seconds, "times": times * each,
    }.get(form, a + b)  # fmt: skip
    part = "{twice}" in wording or "{thrice}" in wording
    result = a if part else result
    shown = {"a": a, "b": b, "twice": 2 * a, "thrice": 3 * a, "sec": seconds, "k": times, "t": each}
    said |= {slot: _number(bank, value) for slot, value in shown.items()}
    said["min"] = f"{minutes} minutes" if minutes > 1 else bank.draw(("a minute", "1 minute", "one minute"))
    calls = {"angle": spin(math.radians(sign * result)), "wait": wait(result), "volume": volume(result),
             "charge": (*FIXED["charge"], f"self.wait_for_charge(level={result})")}[kind]  # fmt: skip
    return calls, wording, said


def indirect(bank: Bank, name: str) -> Made:
    """Speech whose sense is given, and wishes that one act alone fulfils."""
    table = bank.words["twists"]
    who = {"who": bank.draw((*table["tell"]["who"], bank.name(), bank.name(), bank.name()))}
    if name == "wish":
        form, wording = _wording(bank, name)
        one = step(bank, form if form != "goto" else "balance")
        room, said = place(bank)
        calls = (go(room) if "room}" in wording else ()) + one.calls * (form != "goto")
        return calls, wording, {**thing(bank)[1], **one.slots, **said}
    if name in ("question", "manners"):
        asked, text = bank.draw([(asked, text) for asked, text in table[name]["pairs"]])
        wording = _wording(bank, name, "do")[1] if name == "question" else asked
        return say(text), wording, {**who, "asked": EXACT.format(asked)}
    if name == "request":
        form, wording = _wording(bank, name, "do", "do", "not", "remember")
        asked = bank.draw(table[name]["nots" if form == "not" else "requests"])
        start = {"do": "Please", "not": "Please do not", "remember": "Please remember to"}[form]
        who["request"] = EXACT.format(asked.format(their="their"))
        return say(f"{start} {asked.format(their='your')}."), wording, who
    fact, (_, wording) = bank.draw(table["tell"]["facts"]), _wording(bank, name, "do")
    return say(_sentence(fact), log=name == "note"), wording, {**who, "fact": EXACT.format(fact)}
