"""The Go2's own teacher: training examples without end, the same for a seed, from the phrase bank in `training/`.

An example is a command as a user would type it and the calls that carry it out, spelled as CONVENTIONS.md says.
`gonogo generate --teacher pack` keeps those that pass the checks and the simulator and are near no held-out command.
`training/mix.toml` says how often what occurs, `training/quantities.toml` how people say numbers.

From top to bottom: bank, calls, quantities, places and things, steps, plans, clauses, sentences, typing, examples.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness.files import read_toml
from harness.overlap import is_reserved, read_reserved
from harness.training.verify import Example

T = TypeVar("T")
HERE = Path(__file__).resolve().parent
MOST_CALLS, MOST_CALLS_ALONE = 18, 21  # longer plans cost more to train on than they teach; 21: ten seconds of moving


# ---- the bank --------------------------------------------------------------------------------------------------------
class Bank:
    """The words of `training/*.toml`, drawn without replacement, so that sides, units and wordings come evenly."""

    def __init__(self, seed: int) -> None:
        names = ("phrases", "refusals", "look_alikes", "languages", "frames", "vocabulary", "quantities", "mix")
        self.words: dict[str, Any] = {name: read_toml(HERE / "training" / f"{name}.toml") for name in names}
        self.reserved = read_reserved(HERE / "reserved_words.txt")
        self.rng = random.Random(seed)  # noqa: S311  reproducible variety, no secret
        self._items: dict[str, list[str]] = {}
        self._decks: dict[tuple[object, ...], list[Any]] = {}

    def draw(self, items: Sequence[T], deck: str = "") -> T:
        """The next of these items; one list has one deck, or several with names of their own."""
        left = self._decks.setdefault((deck, *items), [])
        if not left:
            left += items
            self.rng.shuffle(left)
        item: T = left.pop()
        return item

    def share(self, table: str, deck: str = "") -> str:
        """One of the names in a table of shares in `mix.toml`."""
        shares: dict[str, int] = self.words["mix"][table]
        return self.draw([name for name, share in shares.items() for _ in range(share)], deck)

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return self.rng.random() < share

    def phrase(self, phrases: Sequence[str], deck: str = "") -> str:
        """One of the phrases, every `[a|b|]` in it resolved."""
        text = self.draw(phrases, deck)
        while choice := re.search(r"\[([^\[\]]*)\]", text):
            text = text[: choice.start()] + self.rng.choice(choice[1].split("|")) + text[choice.end() :]
        return " ".join(text.split())

    def item(self, path: str) -> str:
        """One item of a `;` list of the vocabulary, by table and key: `rooms.inside`."""
        if path not in self._items:
            table, _, key = path.partition(".")
            items = [" ".join(item.split()) for item in self.words["vocabulary"][table][key].split(";") if item.strip()]
            self._items[path] = [item for item in items if not is_reserved(item, self.reserved)]
        return self.draw(self._items[path])

    def name(self) -> str:
        """A first name."""
        return str(self.draw(self.words["vocabulary"]["names"].split()))


# ---- calls, as CONVENTIONS.md spells them ----------------------------------------------------------------------------
Calls = tuple[str, ...]
ARRIVE = "self.wait_for_navigation()"
SPORT = "self.sport_client."


def quoted(text: str) -> str:
    """A Python string in single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def number(value: float) -> str:
    """A float literal with at most three decimals, never -0.0."""
    return repr(round(float(value), 3) + 0.0)


def go(room: str) -> Calls:
    """Drive to a room and wait for it."""
    return f"self.nav_publisher.publish(self.create_nav_goal(room={quoted(room)}))", ARRIVE


def spin(angle: float) -> Calls:
    """Turn in place by radians, left positive, at most a full turn a call."""
    turns, rest = divmod(abs(angle) + 1e-6, math.tau)
    parts = [math.tau] * int(turns) + [rest] * (rest > 2e-3)
    return tuple(c for part in parts for c in (f"self.spin(angle={number(math.copysign(part, angle))})", ARRIVE))


def wait(seconds: float, longest: float = 60.0) -> Calls:
    """Pause; one call waits a minute at most."""
    full, rest = divmod(round(seconds, 6), longest)
    return tuple(f"self.wait(seconds={number(part)})" for part in [longest] * int(full) + [rest] * (rest > 0))


def move(vx: float, vy: float, vyaw: float, seconds: float) -> Calls:
    """Move at m/s and rad/s for a time: one Move a second, since it lasts no longer, then stop."""
    one = f"{SPORT}Move(vx={number(vx)}, vy={number(vy)}, vyaw={number(vyaw)})"
    return (*(call for pause in wait(seconds, 1.0) for call in (one, pause)), f"{SPORT}StopMove()")


def walk(ahead: float, left: float) -> Calls:
    """Move metres ahead or to the left (negative: back, right), at the speed for a distance alone: 0.5 or 0.25 m/s."""
    seconds = abs(ahead) / 0.5 + abs(left) / 0.25
    return move(ahead / seconds, left / seconds, 0.0, seconds)


def look(task: str, thing: str = "", *, report: bool = False) -> Calls:
    """Look at something, and tell the user if that was asked for."""
    wanted = f", object_name={quoted(thing)}" if thing else ""
    request = f"self.create_perception_request(task={quoted(task)}{wanted})"
    seen = (f"self.perception_client.call_async({request})", "self.wait_for_perception()")
    return (*seen, "self.report_perception()") if report else seen


def euler(roll: float, pitch: float, yaw: float) -> Calls:
    """Tilt the body by radians: roll to the right, nose down, look to the left."""
    return (f"{SPORT}Euler(roll={number(roll)}, pitch={number(pitch)}, yaw={number(yaw)})",)


def volume(level: float) -> Calls:
    """Set the speaker's volume, 0 to 10."""
    return (f"self.vui_client.SetVolume(level={round(level)})",)


def say(text: str, *, log: bool = False) -> Calls:
    """Say a text, or write it to the log."""
    return (f"self.get_logger().info(message={quoted(text)})" if log else f"self.say(text={quoted(text)})",)


def trick(name: str) -> Calls:
    """A trick and the time it takes."""
    return f"{SPORT}{name}()", "self.wait(seconds=3.0)"


FIXED: dict[str, Calls] = {
    "slow_level": (f"{SPORT}SpeedLevel(level=-1)",), "fast_level": (f"{SPORT}SpeedLevel(level=1)",),
    "normal_level": (f"{SPORT}SpeedLevel(level=0)",), "cancel": ("self.cancel_navigation()",),
    "level_body": euler(0, 0, 0), "stand_up": (f"{SPORT}StandUp()", f"{SPORT}BalanceStand()"),
    "sit": (f"{SPORT}Sit()",), "rise": (f"{SPORT}RiseSit()",), "lie": (f"{SPORT}StandDown()",),
    "recover": (f"{SPORT}RecoveryStand()",), "balance": (f"{SPORT}BalanceStand()",), "stop": (f"{SPORT}StopMove()",),
    "agile": (f"{SPORT}FreeWalk()",), "classic": (f"{SPORT}ClassicWalk(flag=True)",), "damp": (f"{SPORT}Damp()",),
    "wave": trick("Hello"), "stretch": trick("Stretch"), "dance1": trick("Dance1"), "dance2": trick("Dance2"),
    "jump": trick("FrontJump"), "avoid_on": ("self.avoid_client.SwitchSet(on=True)",),
    "person": look("detect_person"), "person_report": look("detect_person", report=True),
    "scene": look("describe_scene"), "scene_report": look("describe_scene", report=True),
    "read": look("read_text"), "read_report": look("read_text", report=True), "tell": ("self.report_perception()",),
    "photo": ("self.capture_image()",), "battery": ("self.report_battery_level()",), "pose": ("self.report_pose()",),
    "charge": (*go("charging_dock"), "self.dock(dock_id='main_dock')", "self.wait_for_docking()"),
    "undock": ("self.undock()",), "mute": volume(0), "full_volume": volume(10),
}  # fmt: skip
GUARDED = {"jump": "sport_client.FrontJump", "damp": "sport_client.Damp"}  # only on an explicit request


# ---- quantities, places, things --------------------------------------------------------------------------------------
ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
        "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def in_words(value: int) -> str:
    """A whole number below 1000 in English words."""
    if value < len(ONES):
        return ONES[value]
    if value < 100:
        return TENS[value // 10 - 2] + (f"-{ONES[value % 10]}" if value % 10 else "")
    return f"{ONES[value // 100]} hundred" + (f" and {in_words(value % 100)}" if value % 100 else "")


def quantity(bank: Bank, kind: str, most: float = math.inf, deck: str = "") -> tuple[str, float]:
    """What people say for a quantity of at most `most`, and its value in the SDK's unit."""
    ways = bank.words["quantities"][kind]
    fitting = [
        [value for value in way.get("values", way.get("words")) if _value(way, value) <= most + 1e-9] for way in ways
    ]
    at = bank.draw([n for n, way in enumerate(ways) for _ in range(way["share"]) if fitting[n]], deck + kind)
    way = ways[at]
    if "words" in way:
        said, value = fitting[at][bank.draw(range(len(fitting[at])), f"{deck}{kind}{at}")]
        return str(said), float(value)
    shown, form = bank.draw(fitting[at], f"{deck}{kind}{at}"), bank.draw(way["say"], f"{kind}{at}")
    whole_word = re.search(r"\{\}( |$)", form) and shown == int(shown) < 1000
    text = form.format(in_words(int(shown)) if whole_word and bank.chance(0.33) else f"{shown:g}")
    if shown == 1:
        text = re.sub(r"(?<=[a-z]{3})s\b", "", text, count=1).replace("feet", "foot")
    return text, _value(way, shown)


def _value(way: Mapping[str, Any], value: Any) -> float:
    return float(value[1] if "words" in way else value * way.get("unit", 1))


# Typing noise leaves marked texts alone: the letters of slots (mostly), letters and capitals of what is to be spoken.
SLOT, EXACT = "\ue002{}\ue003", "\ue000{}\ue001"


def place(bank: Bank) -> tuple[str, dict[str, str]]:
    """A room's name for the SDK and what fills the slots of a phrase; a third can only be copied, not learnt."""
    kind, article, preposition = bank.share("room"), "the ", "in"
    if bank.chance(0.04):
        bare, preposition = bank.item("rooms.dock_words"), "at"
        return "charging_dock", {"room": f"the {bare}", "in_room": f"at the {bare}", "room_bare": bare}
    if kind == "numbered":
        low, high = bank.draw(((1, 9), (1, 9), (1, 9), (1, 40), (1, 40), (100, 999), (100, 999), (0, 0), (1, 30)))
        letter = bank.rng.choice("ABCDEFGH") if high in (0, 30) else ""
        bare, article = f"{bank.item('rooms.numbered')} {letter}{bank.rng.randint(low, high) or ''}", ""
    elif kind == "owned":
        owner = bank.item("rooms.owners") if bank.chance(0.2) else bank.name()
        bare, article = f"{owner.removeprefix('the ')}'s {bank.item('rooms.owned')}", "the " * owner.startswith("the ")
    elif kind == "purpose":
        bare = f"{bank.item('objects.nouns')} {bank.item('rooms.purposes')}"
    elif kind == "coined":
        syllables = bank.words["vocabulary"]["rooms"]["syllables"].split()
        bare = "".join(bank.rng.choice(syllables) for _ in range(bank.rng.randint(2, 3))).capitalize()
        bare, article = (bare, "") if bank.chance(0.1) else (f"{bare} {bank.item('rooms.coined')}", article)
    else:
        preposition = bank.draw(("in", "in", "in", "in", "at"))
        bare = bank.item("rooms.inside" if preposition == "in" else "rooms.at")
        if kind == "modified" and len(bare.split()) < 3:
            bare = f"{bank.draw(bank.words['vocabulary']['rooms']['modifiers'].split())} {bare}"
        article = "" if bank.chance(1 / 15) else article
    name = "_".join(re.findall(r"[a-z0-9]+", bare.lower().replace("'", "")))
    said = article + bare
    if len(name) > 40:
        return place(bank)
    return name, {"room": said, "in_room": f"{preposition} {said}", "room_bare": bare}


def thing(bank: Bank) -> tuple[str, dict[str, str]]:
    """An object's name for the SDK and what fills the slots of a phrase."""
    objects = bank.words["vocabulary"]["objects"]
    noun = bank.item("objects.nouns")
    noun = f"{noun} {bank.item('objects.holders')}" if " " not in noun and bank.chance(0.1) else noun
    adjectives = [bank.draw(objects["adjectives"].split()) for _ in range(bank.draw((0, 0, 1, 1, 1, 1, 2)))]
    bare = " ".join([*dict.fromkeys(adjectives), noun])
    vowel = re.match(r"(?!uni|use|usb|uti|uku|eu|one\b|once|ura)[aeiou]|hour|heir|honest|x-ray", bare)
    ending = next((one for one in objects["irregular"] if re.search(rf"(^| ){one}$", bare)), "")
    plural = bare + "es" if re.search(r"(s|x|ch|sh)$", bare) else re.sub(r"(?<=[^aeiou])y$", "ie", bare) + "s"
    plural = bare.removesuffix(ending) + objects["irregular"][ending] if ending else plural
    article = ("an " if vowel else "a ") + bare
    said = bank.draw((*["the {}"] * 11, *["a"] * 6, "my {}", "our {}", "that {}", "any {}"))
    return bare, {
        "obj": article if said == "a" else said.format(bare),
        "a_obj": article,
        "obj_bare": bare,
        "objs": plural,
    }


# ---- steps: a skill, its calls, and what fills the slots of its phrases ----------------------------------------------
class Step(NamedTuple):
    """One thing that is asked for."""

    skill: str
    calls: Calls
    slots: Mapping[str, str] = {}


Made = tuple[Calls, dict[str, str]]
GOALS = ("goto", "slow", "fast", "tour")
# Signs of (forward, left) of each way of moving, and the highest speed allowed there, m/s.
WAYS = {"forward": (1, 0, 1.0), "backward": (-1, 0, 0.6), "left": (0, 1, 0.4), "right": (0, -1, 0.4)}
# Axis of roll, pitch and yaw, sign and limit (radians) of each attitude.
TILTS = {"lean_right": (0, 1, 0.75), "lean_left": (0, -1, 0.75), "down": (1, 1, 0.75), "up": (1, -1, 0.75),
         "look_left": (2, 1, 0.6), "look_right": (2, -1, 0.6)}  # fmt: skip


def step(bank: Bank, skill: str) -> Step:
    """One step of a skill, everything about it drawn."""
    calls, slots = MAKERS[skill](bank, skill) if skill in MAKERS else (FIXED[skill], {})
    return Step(skill, calls, {name: SLOT.format(text) for name, text in slots.items()})


def goal(bank: Bank, skill: str) -> Made:
    """Go to a room, at the speed that was asked for, or to several with nothing to do in between."""
    if skill == "tour":
        rooms, joins = [place(bank) for _ in range(bank.draw((2, 3, 3, 4, 4, 5)))], bank.words["frames"]["join"]
        *first, last = (slots["room"] for _, slots in rooms)
        names = ", ".join(quoted(name) for name, _ in rooms)
        said = bank.draw(joins["rooms"]).join(first) + bank.draw(joins["last_room"]) + last
        return (f"self.follow_waypoints(rooms=[{names}])", ARRIVE), {"rooms": said}
    name, slots = place(bank)
    return (*FIXED.get(f"{skill}_level", ()), *go(name)), slots


def turn(bank: Bank, skill: str, most: float = math.inf) -> Made:
    """A turn in place by an angle, or one whose wording holds its angle: "turn around"."""
    vocabulary = bank.words["vocabulary"]
    if skill == "spin_word":
        turns = [(said, float(share)) for share, phrases in vocabulary["turns"].items() for said in phrases]
        said, share = bank.draw(turns)
        return spin(share * math.tau), {"spin": said}
    side = bank.draw(("left", "right"), skill)
    said, size = quantity(bank, "angle", most, side)
    words = {"a": said, "side": side, "angle": bank.phrase(vocabulary["angles"][side]).format(a=said)}
    return spin(size if side == "left" else -size), words


def manual(bank: Bank, skill: str, kind: str = "", most: float = 5.0) -> Made:
    """A movement: a distance, a speed for a time, a distance at a speed or in a time, or two directions at once."""
    way = bank.draw(("forward", "backward", "forward") if skill == "move" else ("left", "right"), skill + kind)
    (ahead, left, fastest), words = WAYS[way], bank.words["vocabulary"]
    said = {"side": way, "form": way, "way": bank.phrase(words["ways"][way])}
    said["l"], length = quantity(bank, "length", min(most, 2.0 if left else 5.0), way)
    said["v"], speed = quantity(bank, "speed", fastest, way)
    said["t"], seconds = quantity(bank, "motion_time")
    kind = kind or bank.share("movement")
    calls = move(ahead * speed, left * speed, 0.0, seconds)
    if kind == "slant" and ahead:
        said["across"] = bank.draw(("left", "right"), kind)
        said["v2"], beside = quantity(bank, "speed", 0.4, kind)
        calls = move(ahead * speed, beside if said["across"] == "left" else -beside, 0.0, seconds)
    elif kind == "pace" and math.isclose(round(speed * seconds, 2), speed * seconds):
        said["l"] = f"{speed * seconds:g} metres"
    elif kind != "time":
        kind, calls = "distance", walk(ahead * length, left * length)
    return calls, said | {"motion": bank.draw(words["motions"][kind]).format(**said)}


def turning(bank: Bank, skill: str) -> Made:
    """Turning at a rate for a time, on the spot or along a curve."""
    side = bank.draw(("left", "right"), skill)
    said = {"side": side, "way": side if skill == "yaw_move" else bank.draw(("forward", "forwards", "straight ahead"))}
    (said["v"], rate), (said["t"], seconds) = quantity(bank, "rate", deck=side), quantity(bank, "motion_time")
    said["v2"], speed = quantity(bank, "speed", 1.0, skill) if skill == "curve" else ("", 0.0)
    form = bank.draw(bank.words["vocabulary"]["motions"]["curve" if skill == "curve" else "time"])
    return move(speed, 0.0, rate if side == "left" else -rate, seconds), said | {"motion": form.format(**said)}


def tilting(bank: Bank, skill: str) -> Made:
    """A body attitude about one axis or, seldom, two."""
    ways = [bank.draw(tuple(TILTS), skill)]
    if skill == "euler" and bank.chance(1 / 9):
        ways.append(bank.draw([way for way in TILTS if TILTS[way][0] != TILTS[ways[0]][0]]))
    attitude, said, a = [0.0, 0.0, 0.0], [], ""
    for way in ways:
        axis, sign, most = TILTS[way]
        a, size = quantity(bank, "tilt", most, way)
        attitude[axis] = sign * size
        said.append(bank.phrase(bank.words["vocabulary"]["tilts"][way]).format(a=a))
    both = bank.draw((" and at the same time ", " and simultaneously ")).join(said)
    return euler(*attitude), {"attitude": both, "a": a, "form": ways[0]}


def seeing(bank: Bank, skill: str) -> Made:
    """Looking for a thing, counting things, or reading what is written on something."""
    if skill.startswith("read"):
        return FIXED[skill], {"text_thing": bank.item("things_with_text.words")}
    name, slots = thing(bank)
    return look("find_object" if "find" in skill else "count_objects", name, report=skill.endswith("report")), slots


def speaking(bank: Bank, skill: str) -> Made:
    """Words to be said, or to be written to the log."""
    text = bank.item("texts.log" if skill == "log" else bank.draw((*["texts.speech"] * 9, "texts.contracted")))
    slot = {"say": "speech", "say_that": "speech_that", "log": "message"}[skill]
    return say(text, log=skill == "log"), {slot: EXACT.format(text)}


def counting(bank: Bank, skill: str) -> Made:
    """A pause, a level to charge up to, a volume."""
    kind = {"wait": "time", "charge_to": "percent"}.get(skill, skill)
    said, value = quantity(bank, kind)
    simple = re.fullmatch(r"(\d+|[a-z]+) (second|minute)s?", said)
    adjective = f"{simple[1]}-{simple[2]}" if simple else f"{value:g}-second"
    to_level = (*FIXED["charge"], f"self.wait_for_charge(level={round(value)})")
    calls = {"wait": wait(value), "charge_to": to_level, "volume": volume(value)}[skill]
    return calls, {"duration": said, "duration_adj": adjective, "percent": said, "volume": said}


MAKERS: dict[str, Callable[[Bank, str], Made]] = {
    **dict.fromkeys(GOALS, goal), "spin": turn, "spin_word": turn, "move": manual, "sidestep": manual,
    "yaw_move": turning, "curve": turning, "euler": tilting, "find": seeing, "find_report": seeing, "count": seeing,
    "count_report": seeing, "read": seeing, "read_report": seeing, "say": speaking, "say_that": speaking,
    "log": speaking, "wait": counting, "charge_to": counting, "volume": counting,
}  # fmt: skip


# ---- plans: steps that a robot standing at rest could carry out one after another ------------------------------------
UP_AGAIN = {"sit": "rise", "lie": "stand_up"}  # before anything else can be done
REPEATABLE = ("spin", "wait", "say", "find", "count")
NOTHING_AFTER = ("charge", "charge_to", "sit", "lie", "damp", "cancel", "stop")
NOTHING_BEFORE = ("undock", "stand_up", "recover", "rise", "cancel", "stop", "tell", "damp", "balance", "level_body")
SILENT = ("find", "count", "person", "scene", "read")


def draw_plan(bank: Bank, length: int) -> list[Step]:
    """A plan of so many steps: goals, and what is done there."""
    if length == 1:
        return [step(bank, bank.share("alone"))]
    plan = [step(bank, bank.share("first"))] if length and bank.chance(0.1) else []
    while len(plan) < length:
        before, left = plan[-1].skill if plan else "", length - len(plan)
        if before in UP_AGAIN:
            plan.append(step(bank, UP_AGAIN[before]))
        elif bank.draw((True, False, False) if before in GOALS else (True, True, True, False)):
            to_dock = left == 1 and bank.chance(0.1)
            plan.append(step(bank, bank.draw(("charge", "charge_to")) if to_dock else bank.share("goal")))
        else:
            new = step(bank, bank.share("between"))
            again = new.skill not in REPEATABLE and any(new.skill == old.skill for old in plan)
            if not again and len(new.calls) <= 7:
                plan.append(new)
                if new.skill in SILENT and left >= 3 and bank.chance(1 / 3):  # looked here, told there
                    plan += [step(bank, "goto"), step(bank, "tell")]
    return plan


def places_for(plan: Sequence[Step], skill: str) -> list[int]:
    """Where a step that needs a standing robot may come into a plan; a charge only at the end, since it docks."""
    skills = ["", *(one.skill for one in plan), ""]
    fits = [
        at for at in range(len(plan) + 1) if skills[at] not in NOTHING_AFTER and skills[at + 1] not in NOTHING_BEFORE
    ]
    return [at for at in fits if at == len(plan) or not skill.endswith("charge")]


# ---- clauses: a step in words, in each form that a sentence may need -------------------------------------------------
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


# ---- sentences: clauses to one command -------------------------------------------------------------------------------
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


# ---- typing ----------------------------------------------------------------------------------------------------------
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


# ---- examples --------------------------------------------------------------------------------------------------------
def examples(seed: int) -> Iterator[Example]:
    """Endless examples, the same for the same seed.

    Raises:
        InputError: a file of the bank cannot be read.
    """
    bank = Bank(seed)
    makers = {"execute": execute, "look_alike": look_alike, "decline": refuse, "ask": refuse, "foreign": foreign}
    while True:
        kind = bank.share("kind")
        if example := makers[kind](bank, kind):
            yield example


def _example(bank: Bank, plan: Sequence[Step], person: str = "second", calls: Calls = ()) -> Example | None:
    """A plan in words; `calls` where it is not carried out; None where it is too long."""
    skills = tuple(one.skill for one in plan)
    calls = calls or tuple(call for one in plan for call in one.calls)
    if len(calls) > (MOST_CALLS if len(plan) > 1 else MOST_CALLS_ALONE):
        return None
    whole = plan[0].slots.get("whole", "") or compose(bank, clauses(bank, plan, person), person)
    asked = {skill.removeprefix("look_alike.") for skill in skills}
    guarded = frozenset(GUARDED[skill] for skill in asked & GUARDED.keys())
    return Example(typed(bank, whole), calls, skills, guarded=guarded)


def execute(bank: Bank, _kind: str) -> Example | None:
    """A command that is carried out."""
    return _example(bank, draw_plan(bank, int(bank.share("length"))), bank.draw(("second",) * 7 + ("third",) * 2))


def refuse(bank: Bank, kind: str) -> Example | None:
    """A command that is declined or asked about: a whole one, or one bad part among harmless steps."""
    groups = bank.words["refusals"][kind]
    # Speeds and attitudes half as often again: only a number tells them from what is carried out.
    name = bank.draw((*groups, *groups, *(group for group in ("attitude", "speed") if group in groups)))
    text = quoted(groups[name]["answer"])
    calls = (f"self.ask_operator(question={text})" if kind == "ask" else f"self.decline(reason={text})",)
    values = {**bank.words["frames"]["person"]["second"]}
    values |= {slot: bank.draw(items, slot) for slot, items in bank.words["refusals"]["slots"].items()}
    for again in ("", "2"):
        slots = place(bank)[1] | thing(bank)[1] | {"name": bank.name()}
        values |= {f"{slot}{again}": said for slot, said in slots.items()}
    some = bank.rng.randint(2, 9)
    values |= {"a": place(bank)[1]["room"], "b": values["room2"], "side": bank.draw(("left", "right"), kind)}
    values |= {
        "n": f"{some}",
        "percent": f"{some}0 percent",
        "duration_short": f"{some} seconds",
        "degrees": f"{some}0",
    }
    form = bank.draw(("whole", "part", "part"), kind)
    phrase = bank.phrase(groups[name][form]).format_map(values)
    plan = draw_plan(bank, int(bank.share("beside", kind))) if form == "part" else []
    bad = Step(f"{kind}.{name}", calls, {form.replace("part", "phrase"): re.sub(r"([{}])", r"\1\1", phrase)})
    plan.insert(bank.rng.randint(0, len(plan)), bad)
    return _example(bank, plan, calls=calls)


def look_alike(bank: Bank, _kind: str) -> Example | None:
    """Something that is carried out, worded like what is refused: with a legal value, or with what was lacking."""
    kind = bank.share("look_alike")
    if kind in ("speed", "step"):
        skill = bank.draw(("move", "move", "sidestep"), kind)
        calls, slots = manual(bank, skill, "time") if kind == "speed" else manual(bank, skill, "distance", 1.0)
    elif kind == "turn":
        calls, slots = turn(bank, kind, 1.05)
    elif kind == "look":
        name, form = bank.draw(bank.words["look_alikes"]["look"]["things"]), bank.draw(("find", "tell"))
        calls, slots = look("find_object", name, report=form == "tell"), {"obj_bare": name, "form": form}
    elif kind == "speech":  # words that ask somebody else for what the robot has no arms for
        text = bank.phrase([part for part in bank.words["refusals"]["decline"]["arms"]["part"] if "{" not in part])
        form = bank.draw(("say", "say", "log"), kind)
        calls, slots = say(text, log=form == "log"), {"text": EXACT.format(f'"{text}"'), "form": form}
    elif kind in ("jump", "avoid"):
        calls, slots = FIXED[{"avoid": "avoid_on"}.get(kind, kind)], {}
    else:
        skill = {"charge": "charge_to", "rate": "yaw_move"}.get(kind, kind)
        calls, slots = {"rate": turning, "tilt": tilting}.get(kind, counting)(bank, skill)
    forms = bank.words["look_alikes"][kind]
    phrases = forms.get(slots.get("form", "do")) or forms["do" if "do" in forms else "sideways"]
    marked = {name: SLOT.format(text) for name, text in slots.items()} | {"side": slots.get("side", "")}
    phrase = bank.phrase(phrases, kind).format_map(marked)
    # A wording after `=` is a complete command, not a verb phrase.
    one = Step(f"look_alike.{kind}", calls, {"whole" if phrase[0] == "=" else "phrase": phrase.removeprefix("=")})
    plan = draw_plan(bank, int(bank.share("beside", kind))) if phrase[0] != "=" else []
    fits = places_for(plan, one.skill)
    if fits:
        plan.insert(bank.rng.choice(fits), one)
    return _example(bank, plan) if fits else None


# ---- other languages; the calls stay English -------------------------------------------------------------------------
LANGUAGES = {"es": "Spanish", "de": "German", "fr": "French", "zh": "Chinese"}
NOT_CARRIED_OUT = {
    "decline": ("self.decline(reason='I am not able to do that.')",),
    "ask": ("self.ask_operator(question='What do you mean exactly?')",),
}


def foreign(bank: Bank, _kind: str) -> Example:
    """A command of one to four steps in Spanish, German, French or Chinese."""
    code = bank.draw(tuple(LANGUAGES))
    words, length = bank.words["languages"][code], int(bank.share("foreign_length"))
    often = bank.words["mix"]["foreign_alone"]
    skills = [bank.draw([skill for skill in words["skills"] for _ in range(often.get(skill, 1))], code)]
    if length > 1:
        skills = [] if bank.chance(0.25) else ["goto"]
        while len(skills) < length:
            skills.append(bank.share("foreign_between", code) if skills[-1:] in ([], ["goto"]) else "goto")
        skills[-1] = "decline" if bank.chance(1 / 7) else skills[-1]  # what is declined comes last
    parts, steps = zip(*(_foreign_step(bank, code, skill) for skill in skills), strict=True)
    calls = NOT_CARRIED_OUT.get(skills[-1]) or tuple(call for one in steps for call in one)
    text = parts[0] + "".join(bank.draw(words["join"], code) + part for part in parts[1:])
    command = _foreign_typed(bank, code, bank.draw(words["open"], code).format(c=text), parts[-1])
    return Example(command, calls, tuple(f"{code}.{skill}" for skill in skills), LANGUAGES[code])


def _foreign_step(bank: Bank, code: str, skill: str) -> tuple[str, Calls]:
    words, numbers = bank.words["languages"][code], bank.words["mix"]["foreign_values"]
    phrase = str(bank.draw(words["skills"][skill], code))
    if fixed := NOT_CARRIED_OUT.get(skill) or FIXED.get(skill):
        return phrase, fixed
    if skill in numbers:
        value = bank.draw(numbers[skill], skill)
        spins = {"left": spin(math.radians(value)), "right": spin(-math.radians(value))}
        walks = {"forward": walk(value, 0), "back": walk(-value, 0), "wait": wait(value), "volume": volume(value)}
        shown = f"{value * 10 if skill == 'volume' and '%' in phrase else value:g}"
        return phrase.format(n=shown if code == "zh" else shown.replace(".", ",")), (spins | walks)[skill]
    if skill == "say":
        said, calls = (text := bank.draw(words["texts"], code)), say(text)
    elif skill == "goto":
        said, name = bank.draw(tuple(words["rooms"].items()), code)
        calls = go(name)
    else:
        said, name = bank.draw(tuple(words["objects"].items()), code)
        calls = look("find_object", name, report=skill == "find_report")
    return phrase.format(x=said), calls


def _foreign_typed(bank: Bank, code: str, command: str, last: str) -> str:
    """A capital and the mark at the end, the mark alone, or neither."""
    manner = bank.draw(("full", "full", "full", "mark", "bare", "bare"))
    command = command[0].upper() + command[1:] if manner == "full" else command
    if manner == "bare" or command.endswith(tuple("?!.\u3002\uff1f\uff01")):
        return command
    if not (command.endswith(last) and re.match(bank.words["languages"]["questions"][code], last)):
        return command + ("\u3002" if code == "zh" else ".")
    if code == "es" and bank.chance(2 / 3):
        return f"{command.removesuffix(last)}¿{last}?"
    return command + {"zh": "\uff1f", "fr": " ?"}.get(code, "?")
