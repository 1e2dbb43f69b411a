"""How each skill draws a step: its arguments, its calls and the words for its slots."""

from __future__ import annotations

from collections.abc import Mapping

from harness.training import calls, motions, wording
from harness.training.bank import Bank, Dealer
from harness.training.steps import Maker, Step, protect
from harness.training.things import dock_room, draw_object, draw_room, object_slots, room_slots


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
    said = (
        separator.join(room.said for room in rooms[:-1])
        + dealer.draw("last room", (" and ", ", and ", ", then ", " and then "))
        + rooms[-1].said
    )
    return Step("tour", calls.tour(tuple(room.name for room in rooms)), {"rooms": said}, rooms[-1])


def _seeing(skill: str, task: str, *, report: bool, needs: str = "") -> Maker:
    def make(bank: Bank, dealer: Dealer) -> Step:
        thing = draw_object(bank, dealer) if needs == "object" else ""
        slots = object_slots(bank, dealer, thing) if thing else {}
        if needs == "text":
            slots = {
                "text_thing": " ".join(
                    dealer.draw("text thing", bank.vocabulary["things_with_text"]["words"].split(";")).split()
                )
            }
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


def _fixed(skill: str, *made: str) -> Maker:
    return lambda _bank, _dealer: Step(skill, made)


def _wait(_bank: Bank, dealer: Dealer) -> Step:
    said = wording.duration(dealer)
    slots = {"duration": said.text, "duration_adj": wording.adjective(dealer, said.value)}
    return Step("wait", calls.wait(said.value), slots)


def _charge_to(_bank: Bank, dealer: Dealer) -> Step:
    said = wording.percent(dealer)
    return Step("charge_to", calls.charge(int(said.value)), {"percent": said.text})


def _volume(_bank: Bank, dealer: Dealer) -> Step:
    said = wording.volume(dealer)
    return Step("volume", (f"self.vui_client.SetVolume(level={int(said.value)})",), {"volume": said.text})


_SPORT = "self.sport_client."
MAKERS: Mapping[str, Maker] = {
    "goto": _goal("goto"),
    "slow": _goal("slow", -1),
    "fast": _goal("fast", 1),
    "tour": _tour,
    "slow_level": _fixed("slow_level", f"{_SPORT}SpeedLevel(level=-1)"),
    "fast_level": _fixed("fast_level", f"{_SPORT}SpeedLevel(level=1)"),
    "normal_level": _fixed("normal_level", f"{_SPORT}SpeedLevel(level=0)"),
    "cancel": _fixed("cancel", "self.cancel_navigation()"),
    "spin": motions.spin,
    "spin_word": motions.spin_word,
    "move": motions.move,
    "turn_rate": motions.turn_rate,
    "euler": motions.euler,
    "level_body": _fixed("level_body", *calls.euler(0.0, 0.0, 0.0)),
    "stand_up": _fixed("stand_up", f"{_SPORT}StandUp()", f"{_SPORT}BalanceStand()"),
    "sit": _fixed("sit", f"{_SPORT}Sit()"),
    "rise": _fixed("rise", f"{_SPORT}RiseSit()"),
    "lie": _fixed("lie", f"{_SPORT}StandDown()"),
    "recover": _fixed("recover", f"{_SPORT}RecoveryStand()"),
    "balance": _fixed("balance", f"{_SPORT}BalanceStand()"),
    "stop": _fixed("stop", f"{_SPORT}StopMove()"),
    "agile": _fixed("agile", f"{_SPORT}FreeWalk()"),
    "classic": _fixed("classic", f"{_SPORT}ClassicWalk(flag=True)"),
    "wave": _fixed("wave", *calls.trick("Hello")),
    "stretch": _fixed("stretch", *calls.trick("Stretch")),
    "dance1": _fixed("dance1", *calls.trick("Dance1")),
    "dance2": _fixed("dance2", *calls.trick("Dance2")),
    "jump": _fixed("jump", *calls.trick("FrontJump")),
    "damp": _fixed("damp", f"{_SPORT}Damp()"),
    "find": _seeing("find", "find_object", report=False, needs="object"),
    "find_report": _seeing("find_report", "find_object", report=True, needs="object"),
    "count": _seeing("count", "count_objects", report=False, needs="object"),
    "count_report": _seeing("count_report", "count_objects", report=True, needs="object"),
    "person": _seeing("person", "detect_person", report=False),
    "person_report": _seeing("person_report", "detect_person", report=True),
    "scene": _seeing("scene", "describe_scene", report=False),
    "scene_report": _seeing("scene_report", "describe_scene", report=True),
    "read": _seeing("read", "read_text", report=False, needs="text"),
    "read_report": _seeing("read_report", "read_text", report=True, needs="text"),
    "tell": _fixed("tell", "self.report_perception()"),
    "photo": _fixed("photo", "self.capture_image()"),
    "battery": _fixed("battery", "self.report_battery_level()"),
    "pose": _fixed("pose", "self.report_pose()"),
    "charge": _fixed("charge", *calls.charge()),
    "charge_to": _charge_to,
    "undock": _fixed("undock", "self.undock()"),
    "say": _speech("say", "speech", "self.say(text={})"),
    "say_that": _speech("say_that", "speech_that", "self.say(text={})"),
    "log": _speech("log", "message", "self.get_logger().info(message={})"),
    "volume": _volume,
    "mute": _fixed("mute", "self.vui_client.SetVolume(level=0)"),
    "full_volume": _fixed("full_volume", "self.vui_client.SetVolume(level=10)"),
    "avoid_on": _fixed("avoid_on", "self.avoid_client.SwitchSet(on=True)"),
    "wait": _wait,
}
