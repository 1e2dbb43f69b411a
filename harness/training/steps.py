"""One step of a plan: a skill with its arguments drawn, its calls, and what its phrases need to be filled in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.training import calls, wording
from harness.training.bank import Bank, Dealer, is_reserved

_TEXT_THINGS = """sign; label; poster; notice; door sign; whiteboard; note; screen; nameplate; display; notice board; price tag; warning label;
serial number; plaque; banner; timetable; menu board; licence plate; gauge; shipping label; meter; door plate; info board""".split(";")
_SPEEDS_FORWARD = (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)
_SPEEDS_BACK = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)
_SPEEDS_SIDE = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
_RATES = (0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
_MOVE_SECONDS = (1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 1.5, 2.5, 0.5, 3.5)
_DISTANCES = (0.25, 0.5, 0.75, 1.0, 1.0, 1.25, 1.5, 2.0, 2.0, 2.5, 3.0, 3.0, 4.0)
_SIDE_DISTANCES = (0.25, 0.5, 0.5, 0.75, 1.0, 1.0, 1.25, 1.5)
_TILTS = (5, 8, 10, 12, 15, 18, 20, 25, 30)


@dataclass(frozen=True, slots=True)
class Room:
    """A place: how it is said, and the snake_case name of the SDK."""

    said: str
    name: str
    bare: str
    preposition: str = "in"

    @property
    def within(self) -> str:
        """The place as an adverb: "in the kitchen"."""
        return f"{self.preposition} {self.said}"


@dataclass(frozen=True, slots=True)
class Step:
    """A skill, its calls in canonical spelling, and the words for its slots.

    Attributes:
        room: Where the robot is afterwards, if the step goes somewhere.
    """

    skill: str
    calls: tuple[str, ...]
    slots: Mapping[str, str] = field(default_factory=dict)
    room: Room | None = None


def draw_room(bank: Bank, dealer: Dealer) -> Room:
    """A room that is no reserved word: plain, with a modifier, numbered, lettered or somebody's."""
    kind = dealer.draw("kind of room", ("plain",) * 11 + ("modified",) * 4 + ("numbered",) * 3 + ("owned",) * 2)
    preposition = "in"
    if kind == "numbered":
        noun = dealer.draw("numbered room", bank.vocabulary["rooms"]["numbered"].split("; "))
        mark = str(dealer.rng.choice((dealer.rng.randint(1, 20), dealer.rng.randint(1, 9), dealer.rng.randint(100, 420))))
        bare = f"{noun} {mark if dealer.rng.random() < 0.85 else dealer.rng.choice('abcdefgh').upper()}"
        return Room(bare, snake_case(bare), bare, "in" if noun != "gate" else "at")
    if kind == "owned":
        noun = dealer.draw("owned room", bank.vocabulary["rooms"]["owned"].split("; "))
        bare = f"{dealer.draw('owner', bank.names)}'s {noun}"
        return Room(bare, snake_case(bare), bare, "at" if noun in ("desk", "locker") else "in")
    bare, preposition = dealer.draw("room", bank.rooms)
    if kind == "modified" and len(bare.split()) < 3:
        bare = f"{dealer.draw('room modifier', bank.vocabulary['rooms']['modifiers'].split())} {bare}"
    if is_reserved(bare, bank.reserved):
        return draw_room(bank, dealer)
    article = "" if dealer.draw("article", (True,) + (False,) * 14) else "the "
    return Room(article + bare, snake_case(bare), bare, preposition)


def dock_room(bank: Bank, dealer: Dealer) -> Room:
    """The charging dock as a place."""
    bare = dealer.draw("dock", bank.vocabulary["rooms"]["dock_words"].split("; "))
    return Room(f"the {bare}", "charging_dock", bare, "at")


def snake_case(said: str) -> str:
    """The SDK's room name: apostrophes dropped, lower case, words joined by underscores."""
    return "_".join(re.findall(r"[a-z0-9]+", said.lower().replace("'", "").replace("\u2019", "")))


def draw_object(bank: Bank, dealer: Dealer) -> str:
    """A thing with up to two adjectives, as in "small red ball"."""
    noun = dealer.draw("object", bank.nouns)
    count = dealer.draw("adjectives", (0, 0, 1, 1, 1, 1, 2))
    words = [dealer.draw("adjective", bank.adjectives) for _ in range(count)]
    thing = " ".join([*dict.fromkeys(words), noun])
    return draw_object(bank, dealer) if is_reserved(thing, bank.reserved) else thing


def plural(bank: Bank, thing: str) -> str:
    """English plural of a thing's last word."""
    irregular = bank.vocabulary["objects"]["irregular"]
    for singular, form in irregular.items():
        if thing == singular or thing.endswith(f" {singular}"):
            return thing[: len(thing) - len(singular)] + str(form)
    if re.search(r"(s|x|ch|sh)$", thing):
        return thing + "es"
    return thing[:-1] + "ies" if re.search(r"[^aeiou]y$", thing) else thing + "s"


def a_or_an(thing: str) -> str:
    """The thing with its indefinite article."""
    return f"{'an' if thing[0] in 'aeiou' and not thing.startswith(('uni', 'use')) else 'a'} {thing}"


def object_slots(bank: Bank, dealer: Dealer, thing: str, index: str = "") -> dict[str, str]:
    """All slots that one object can fill."""
    determiner = dealer.draw("determiner", ("the",) * 11 + ("a",) * 6 + ("my", "our", "that", "any"))
    said = a_or_an(thing) if determiner == "a" else f"{determiner} {thing}"
    return {f"obj{index}": said, f"a_obj{index}": a_or_an(thing), f"obj_bare{index}": thing, f"objs{index}": plural(bank, thing)}


def room_slots(room: Room) -> dict[str, str]:
    """All slots that one room can fill."""
    return {"room": room.said, "in_room": room.within, "room_bare": room.bare}


Maker = Callable[[Bank, Dealer], Step]


def _goal(skill: str, level: int | None = None) -> Maker:
    def make(bank: Bank, dealer: Dealer) -> Step:
        to_dock = dealer.draw("to dock", (True,) + (False,) * 24)
        room = dock_room(bank, dealer) if to_dock else draw_room(bank, dealer)
        first = () if level is None else (f"self.sport_client.SpeedLevel(level={level})",)
        return Step(skill, (*first, *calls.go(room.name)), room_slots(room), room)

    return make


def _tour(bank: Bank, dealer: Dealer) -> Step:
    rooms = [draw_room(bank, dealer) for _ in range(dealer.draw("rooms of a tour", (2, 3, 3, 4, 4, 5)))]
    separator = dealer.draw("rooms joined", (", ", ", ", ", then "))
    said = separator.join(room.said for room in rooms[:-1]) + dealer.draw("last room", (" and ", ", and ", ", then ", " and then ")) + rooms[-1].said
    return Step("tour", calls.tour(tuple(room.name for room in rooms)), {"rooms": said}, rooms[-1])


def _spin(bank: Bank, dealer: Dealer) -> Step:
    said = wording.angle(dealer)
    return Step("spin", calls.spin(said.value), {"angle": said.text})


def _spin_word(bank: Bank, dealer: Dealer) -> Step:
    turns = (("turn around", math.pi), ("turn round", math.pi), ("do an about-turn", math.pi), ("face the other way", math.pi),
             ("face the opposite direction", math.pi), ("make a U-turn", math.pi), ("look behind you", math.pi), ("spin all the way around", 2 * math.pi),
             ("turn in a full circle", 2 * math.pi), ("spin around once", 2 * math.pi), ("do a full spin", 2 * math.pi), ("do a half turn", math.pi),
             ("spin a full turn", 2 * math.pi), ("turn half a turn", math.pi), ("turn a full circle", 2 * math.pi), ("do a 180", math.pi), ("do a 360", 2 * math.pi),
             ("spin around twice", 4 * math.pi), ("make two full turns", 4 * math.pi), ("turn to face left", math.pi / 2), ("turn to face right", -math.pi / 2),
             ("face left", math.pi / 2), ("face right", -math.pi / 2))  # fmt: skip
    said, angle = dealer.draw("spin word", turns)
    return Step("spin_word", calls.spin(angle), {"spin": said})


def _joined(dealer: Dealer, speed: str, time: str, way: str) -> str:
    forms = (f"{way} at {speed} for {time}", f"{way} for {time} at {speed}", f"for {time} {way} at {speed}", f"at {speed} {way} for {time}",
             f"{way} with a speed of {speed} for {time}", f"{way}, {speed}, {time}", f"{way} at a speed of {speed} for {time}")  # fmt: skip
    return forms[dealer.draw("speed and time", (0, 0, 0, 1, 1, 2, 3, 4, 5, 6))]


_WAYS = {
    "forward": ("forward", "forwards", "straight ahead", "ahead", "straight on", "forward in a straight line", "straight forward"),
    "backward": ("backward", "backwards", "back", "in reverse", "straight back"),
    "left": ("left", "to the left", "sideways to the left", "to your left", "leftwards", "to the left side"),
    "right": ("right", "to the right", "sideways to the right", "to your right", "rightwards", "to the right side"),
}


def _move(bank: Bank, dealer: Dealer) -> Step:
    side = dealer.draw("way of move", ("forward", "backward", "left", "right", "forward"))
    way = dealer.draw(f"way {side}", _WAYS[side])
    lateral = side in ("left", "right")
    skill = "sidestep" if lateral else "move"
    sign = -1.0 if side in ("backward", "right") else 1.0
    if dealer.draw("distance or time", ("distance", "time")) == "distance":
        length = dealer.draw(f"metres {lateral}", _SIDE_DISTANCES if lateral else _DISTANCES)
        said = dealer.draw("distance first", (f"{way} {{}}", f"{{}} {way}", f"{way} by {{}}", f"{way} {{}}")).format(wording.metres(dealer, length))
        made = calls.move_distance(0.0, sign * length) if lateral else calls.move_distance(sign * length, 0.0)
        return Step(skill, made, {"motion": said})
    speeds = {"forward": _SPEEDS_FORWARD, "backward": _SPEEDS_BACK}.get(side, _SPEEDS_SIDE)
    value = dealer.draw(f"speed {side}", speeds)
    seconds = dealer.draw("move seconds", _MOVE_SECONDS)
    made = calls.move(0.0, sign * value, 0.0, seconds) if lateral else calls.move(sign * value, 0.0, 0.0, seconds)
    return Step(skill, made, {"motion": _joined(dealer, wording.speed(dealer, value), _time(dealer, seconds), way)})


def _time(dealer: Dealer, seconds: float) -> str:
    return wording.duration(dealer, (seconds,)).text


def _turn_rate(bank: Bank, dealer: Dealer) -> Step:
    side = dealer.draw("side of turn", ("left", "right"))
    sign = 1.0 if side == "left" else -1.0
    rate, seconds = dealer.draw("rate", _RATES), dealer.draw("move seconds", _MOVE_SECONDS)
    words = f"{rate:g} {dealer.draw('rad/s', ('rad/s', 'radians per second', 'radians a second'))}"
    if dealer.draw("curve", (True, False, False)):
        value = dealer.draw("speed forward", _SPEEDS_FORWARD)
        ahead = f"{dealer.draw('way forward', _WAYS['forward'][:3])} at {wording.speed(dealer, value)}"
        said = f"{ahead} {dealer.draw('while', ('while turning', 'and at the same time turn', 'whilst turning'))} {side} at {words} for {_time(dealer, seconds)}"
        return Step("curve", calls.move(value, 0.0, sign * rate, seconds), {"motion": said})
    return Step("yaw_move", calls.move(0.0, 0.0, sign * rate, seconds), {"motion": _joined(dealer, words, _time(dealer, seconds), side)})


_TILT_WORDS = {
    "down": ("tilt your nose down by {a}", "lower your nose by {a}", "pitch {a} nose down", "look down by {a}", "tilt your head down {a}", "point your nose {a} down", "pitch your body forward {a}, nose down", "dip your nose {a}", "tilt your body forward by {a}"),
    "up": ("tilt your nose up by {a}", "raise your nose by {a}", "pitch {a} nose up", "look up by {a}", "tilt your head up {a}", "point your nose {a} up", "pitch your body back {a}, nose up", "lift your nose {a}", "tilt your body backward by {a}"),
    "right": ("lean {a} to the right", "roll {a} to the right", "tilt your body {a} to the right", "lean right by {a}", "roll right by {a}", "lean your body over to the right by {a}"),
    "left": ("lean {a} to the left", "roll {a} to the left", "tilt your body {a} to the left", "lean left by {a}", "roll left by {a}", "lean your body over to the left by {a}"),
    "look left": ("look {a} to the left", "yaw your body {a} left", "twist your body {a} to the left", "look left by {a} without moving your feet", "turn your gaze {a} left", "yaw {a} to the left with your body"),
    "look right": ("look {a} to the right", "yaw your body {a} right", "twist your body {a} to the right", "look right by {a} without moving your feet", "turn your gaze {a} right", "yaw {a} to the right with your body"),
}  # fmt: skip
_TILT_AXES = {"right": (0, 1.0), "left": (0, -1.0), "down": (1, 1.0), "up": (1, -1.0), "look left": (2, 1.0), "look right": (2, -1.0)}


def _euler(bank: Bank, dealer: Dealer) -> Step:
    way = dealer.draw("tilt", tuple(_TILT_WORDS))
    axis, sign = _TILT_AXES[way]
    if dealer.draw("tilt unit", (True, False)):
        size = dealer.draw("tilt radians", (0.05, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5))
        said = f"{size:g} {dealer.draw('rad', ('radians', 'radians', 'rad'))}"
    else:
        degrees = dealer.draw("tilt degrees", _TILTS)
        size, said = math.radians(degrees), f"{wording.figure(dealer, degrees)} degrees"
    angles = [0.0, 0.0, 0.0]
    angles[axis] = sign * size
    return Step("euler", calls.euler(*angles), {"attitude": dealer.draw(f"tilt {way}", _TILT_WORDS[way]).format(a=said)})


def _seeing(skill: str, task: str, *, report: bool, needs: str = "") -> Maker:
    def make(bank: Bank, dealer: Dealer) -> Step:
        thing = draw_object(bank, dealer) if needs == "object" else ""
        slots = object_slots(bank, dealer, thing) if thing else {}
        if needs == "text":
            slots = {"text_thing": " ".join(dealer.draw("text thing", _TEXT_THINGS).split())}
        return Step(skill, calls.perceive(task, thing, report=report), slots)

    return make


def _speech(skill: str, slot: str, call: str) -> Maker:
    def make(bank: Bank, dealer: Dealer) -> Step:
        texts = bank.vocabulary["texts"]
        deck = "log" if slot == "message" else dealer.draw("texts", ("speech",) * 9 + ("contracted",))
        text = " ".join(dealer.draw(deck, texts[deck].split(";")).split())
        mark = dealer.draw(f"quotes {slot}", ("'{}'", '"{}"', "\u201c{}\u201d", "{}", '"{}"'))
        if slot == "speech_that" or (mark.startswith("'") and "'" in text):
            mark = "{}"
        return Step(skill, (call.format(calls.quoted(text)),), {slot: protect(mark.format(text))})

    return make


def protect(text: str) -> str:
    """Mark text that typing noise must leave alone (private-use characters, removed by the grammar)."""
    return f"\ue000{text}\ue001"


def _fixed(skill: str, *made: str) -> Maker:
    return lambda _bank, _dealer: Step(skill, made)


def _wait(bank: Bank, dealer: Dealer) -> Step:
    said = wording.duration(dealer)
    adjective = re.sub(r"s$", "", said.text).replace(" ", "-")
    return Step("wait", calls.wait(said.value), {"duration": said.text, "duration_adj": adjective})


def _charge_to(bank: Bank, dealer: Dealer) -> Step:
    said = wording.percent(dealer)
    return Step("charge_to", calls.charge(int(said.value)), {"percent": said.text})


def _volume(bank: Bank, dealer: Dealer) -> Step:
    said = wording.volume(dealer)
    return Step("volume", (f"self.vui_client.SetVolume(level={int(said.value)})",), {"volume": said.text})


_SPORT = "self.sport_client."
MAKERS: Mapping[str, Maker] = {
    "goto": _goal("goto"), "slow": _goal("slow", -1), "fast": _goal("fast", 1), "tour": _tour,
    "slow_level": _fixed("slow_level", f"{_SPORT}SpeedLevel(level=-1)"), "fast_level": _fixed("fast_level", f"{_SPORT}SpeedLevel(level=1)"),
    "normal_level": _fixed("normal_level", f"{_SPORT}SpeedLevel(level=0)"), "cancel": _fixed("cancel", "self.cancel_navigation()"),
    "spin": _spin, "spin_word": _spin_word, "move": _move, "turn_rate": _turn_rate, "euler": _euler,
    "level_body": _fixed("level_body", *calls.euler(0.0, 0.0, 0.0)), "stand_up": _fixed("stand_up", f"{_SPORT}StandUp()", f"{_SPORT}BalanceStand()"),
    "sit": _fixed("sit", f"{_SPORT}Sit()"), "rise": _fixed("rise", f"{_SPORT}RiseSit()"), "lie": _fixed("lie", f"{_SPORT}StandDown()"),
    "recover": _fixed("recover", f"{_SPORT}RecoveryStand()"), "balance": _fixed("balance", f"{_SPORT}BalanceStand()"),
    "stop": _fixed("stop", f"{_SPORT}StopMove()"), "agile": _fixed("agile", f"{_SPORT}FreeWalk()"), "classic": _fixed("classic", f"{_SPORT}ClassicWalk(flag=True)"),
    "wave": _fixed("wave", *calls.trick("Hello")), "stretch": _fixed("stretch", *calls.trick("Stretch")),
    "dance1": _fixed("dance1", *calls.trick("Dance1")), "dance2": _fixed("dance2", *calls.trick("Dance2")),
    "jump": _fixed("jump", *calls.trick("FrontJump")), "damp": _fixed("damp", f"{_SPORT}Damp()"),
    "find": _seeing("find", "find_object", report=False, needs="object"), "find_report": _seeing("find_report", "find_object", report=True, needs="object"),
    "count": _seeing("count", "count_objects", report=False, needs="object"), "count_report": _seeing("count_report", "count_objects", report=True, needs="object"),
    "person": _seeing("person", "detect_person", report=False), "person_report": _seeing("person_report", "detect_person", report=True),
    "scene": _seeing("scene", "describe_scene", report=False), "scene_report": _seeing("scene_report", "describe_scene", report=True),
    "read": _seeing("read", "read_text", report=False, needs="text"), "read_report": _seeing("read_report", "read_text", report=True, needs="text"),
    "tell": _fixed("tell", "self.report_perception()"),
    "photo": _fixed("photo", "self.capture_image()"), "battery": _fixed("battery", "self.report_battery_level()"), "pose": _fixed("pose", "self.report_pose()"),
    "charge": _fixed("charge", *calls.charge()), "charge_to": _charge_to, "undock": _fixed("undock", "self.undock()"),
    "say": _speech("say", "speech", "self.say(text={})"), "say_that": _speech("say_that", "speech_that", "self.say(text={})"),
    "log": _speech("log", "message", "self.get_logger().info(message={})"), "volume": _volume, "mute": _fixed("mute", "self.vui_client.SetVolume(level=0)"),
    "full_volume": _fixed("full_volume", "self.vui_client.SetVolume(level=10)"), "avoid_on": _fixed("avoid_on", "self.avoid_client.SwitchSet(on=True)"), "wait": _wait,
}  # fmt: skip
