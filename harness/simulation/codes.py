"""Codes of broken preconditions: what each means and how to mend it (for `gonogo explain`)."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One kind of broken precondition.

    Attributes:
        title: A few words.
        why: What would go wrong on the robot.
        wrong: A command list that has it.
        right: The same, mended.
    """

    title: str
    why: str
    wrong: tuple[str, ...]
    right: tuple[str, ...]


_KITCHEN = "self.nav_publisher.publish(self.create_nav_goal(room='kitchen'))"
_LOBBY = "self.nav_publisher.publish(self.create_nav_goal(room='lobby'))"
_ARRIVE = "self.wait_for_navigation()"
_FORWARD = "self.sport_client.Move(vx=0.5, vy=0.0, vyaw=0.0)"
_LOOK = "self.perception_client.call_async(self.create_perception_request(task='detect_person'))"
_SECOND = "self.wait(seconds=1.0)"
_STOP = "self.sport_client.StopMove()"
_UP = ("self.sport_client.StandUp()", "self.sport_client.BalanceStand()")
_WAVE = "self.sport_client.Hello()"
_DOCK = "self.dock(dock_id='main_dock')"
_TO_DOCK = ("self.nav_publisher.publish(self.create_nav_goal(room='charging_dock'))", _ARRIVE)

CODES: dict[str, Code] = {
    "R501": Code(
        "posture does not allow it",
        "The SDK answers with an error, or the robot strains locked or folded legs: Move, gaits and goals need an"
        " upright robot with free joints (StandUp locks them, BalanceStand frees them).",
        ("self.sport_client.StandUp()", _FORWARD, _SECOND, _STOP),
        (*_UP, _FORWARD, _SECOND, _STOP),
    ),
    "R502": Code(
        "the robot is still moving",
        "A Move lasts one second. A posture, trick or goal that begins before it is over works against it.",
        (_FORWARD, _KITCHEN, _ARRIVE),
        (_FORWARD, _SECOND, _STOP, _KITCHEN, _ARRIVE),
    ),
    "R503": Code(
        "a navigation goal is still active",
        "A second goal replaces the first, so that the first room is never reached; moving by hand fights the"
        " planner; looking or telling the place happens somewhere on the way.",
        (_KITCHEN, _LOBBY, _ARRIVE),
        (_KITCHEN, _ARRIVE, _LOBBY, _ARRIVE),
    ),
    "R504": Code(
        "no navigation to wait for",
        "Nothing was sent to the planner, so the wait ends at once or at its timeout.",
        (_ARRIVE,),
        (_KITCHEN, _ARRIVE),
    ),
    "R505": Code(
        "no perception request to wait for",
        "There is no pending result: the future does not exist.",
        ("self.wait_for_perception()",),
        (_LOOK, "self.wait_for_perception()"),
    ),
    "R506": Code(
        "no perception result to report",
        "A result is there only after a request was waited for, and once reported it is gone.",
        (_LOOK, "self.report_perception()"),
        (_LOOK, "self.wait_for_perception()", "self.report_perception()"),
    ),
    "R507": Code(
        "no docking to wait for",
        "Docking was never begun.",
        ("self.wait_for_docking()",),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()"),
    ),
    "R508": Code(
        "no navigation to cancel",
        "The robot is not on its way anywhere.",
        ("self.cancel_navigation()",),
        (_KITCHEN, "self.cancel_navigation()"),
    ),
    "R509": Code(
        "a trick is not finished",
        "Waves, stretches, dances and jumps take time; a motion that begins earlier is refused or cuts them off.",
        (_WAVE, _KITCHEN, _ARRIVE),
        (_WAVE, "self.wait(seconds=3.0)", _KITCHEN, _ARRIVE),
    ),
    "R510": Code(
        "the robot is on the dock",
        "It lies on the charging contacts; moving off them without undocking may tear them.",
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()", _KITCHEN, _ARRIVE),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()", "self.undock()", _KITCHEN, _ARRIVE),
    ),
    "R511": Code(
        "the robot is not on the dock",
        "Undocking and charging need a docked robot.",
        ("self.wait_for_charge(level=80)",),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()", "self.wait_for_charge(level=80)"),
    ),
    "R512": Code(
        "no such room in the scene",
        "The waypoint table has no entry of that name, so no goal can be built.",
        ("self.nav_publisher.publish(self.create_nav_goal(room='moon_base'))", _ARRIVE),
        (_KITCHEN, _ARRIVE),
    ),
    "R513": Code(
        "not at that dock",
        "Docking begins in front of the dock's marker, in the dock's room, and needs the dock's own id.",
        (_DOCK, "self.wait_for_docking()"),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()"),
    ),
    "R514": Code(
        "a perception request is pending",
        "Driving off or asking again before the result is in loses it.",
        (_LOOK, _KITCHEN, _ARRIVE),
        (_LOOK, "self.wait_for_perception()", _KITCHEN, _ARRIVE),
    ),
    "R515": Code(
        "a Move had no time to act",
        "Calls follow each other at once: without a wait the next Move or StopMove ends it before it begins.",
        (_FORWARD, _STOP),
        (_FORWARD, _SECOND, _STOP),
    ),
    "R516": Code(
        "asking or declining beside other calls",
        "To ask or to decline means not to act: the call stands alone in the list.",
        (_KITCHEN, _ARRIVE, "self.ask_operator(question='And then?')"),
        ("self.ask_operator(question='Where should I go after the kitchen?')",),
    ),
    "R517": Code(
        "a jump is not safe here",
        "A jump needs 20% battery and two metres of clear space ahead.",
        ("self.sport_client.FrontJump()", "self.wait(seconds=3.0)"),  # with a wall one metre ahead
        ("self.decline(reason='There is no room to jump.')",),
    ),
    "R518": Code(
        "docking is not finished",
        "The robot is lowering itself onto the dock; anything that moves it now ruins the approach.",
        (*_TO_DOCK, _DOCK, "self.sport_client.Sit()"),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()"),
    ),
    "R519": Code(
        "a timeout too short to arrive",
        "Even at the highest allowed speed the goal takes longer, so the wait ends on the way.",
        (_KITCHEN, "self.wait_for_navigation(timeout_sec=1.0)"),
        (_KITCHEN, "self.wait_for_navigation(timeout_sec=60.0)"),
    ),
    "R598": Code(
        "a call that the simulator does not know",
        "The profile allows it but the simulator has no meaning for it, so what the robot would do is unknown.",
        ("self.sport_client.BodyHeight(height=0.0)",),
        ("self.sport_client.BalanceStand()",),
    ),
    "R599": Code(
        "more calls than the step budget",
        "A list this long is no plan for one command; simulation stops at the budget.",
        (_SECOND, "... 200 more"),
        (_SECOND,),
    ),
}
