"""Rules of the Go2: what each call needs, told to the model, explained to the engineer, enforced by the skills."""

from __future__ import annotations

from harness.simulation import Label, Rule
from harness.simulation.rules import ALONE

_KITCHEN = "self.nav_publisher.publish(self.create_nav_goal(room='kitchen'))"
_ARRIVE = "self.wait_for_navigation()"
_FORWARD = "self.sport_client.Move(vx=0.5, vy=0.0, vyaw=0.0)"
_LOOK = "self.perception_client.call_async(self.create_perception_request(task='detect_person'))"
_SECOND = "self.wait(seconds=1.0)"
_STOP = "self.sport_client.StopMove()"
_UP = ("self.sport_client.StandUp()", "self.sport_client.BalanceStand()")
_WAVE = "self.sport_client.Hello()"
_DOCK = "self.dock(dock_id='main_dock')"
_TO_DOCK = ("self.nav_publisher.publish(self.create_nav_goal(room='charging_dock'))", _ARRIVE)

# One sentence for several rules.
_WAIT_FIRST = (
    "After a goal, tour, spin or dock, its wait comes before anything that moves, looks or tells the place, and at the"
    " end of the list."
)
_WAITED_FOR = "Each wait_for call needs what it waits for before it: a goal, tour or spin; a camera request; dock."

RULES = {
    "R501": Rule(
        "posture does not allow it",
        "Moving, gaits, tricks, goals and docking need a robot that stands balanced: StandUp locks the joints,"
        " BalanceStand frees them.",
        "The SDK answers with an error, or the robot strains locked or folded legs: Move, gaits and goals need an"
        " upright robot with free joints (StandUp locks them, BalanceStand frees them).",
        ("self.sport_client.StandUp()", _FORWARD, _SECOND, _STOP),
        (*_UP, _FORWARD, _SECOND, _STOP),
    ),
    "R502": Rule(
        "the robot is still moving",
        "A Move must be over before a posture, trick, goal, spin or docking; StopMove also resets the speed level.",
        "A Move lasts one second. A posture, trick or goal that begins before it is over works against it.",
        (_FORWARD, _KITCHEN, _ARRIVE),
        (_FORWARD, _SECOND, _STOP, _KITCHEN, _ARRIVE),
    ),
    "R503": Rule(
        "a navigation goal is still active",
        _WAIT_FIRST,
        "A second goal replaces the first, so that the first room is never reached; moving by hand fights the"
        " planner; looking or telling the place happens somewhere on the way.",
        (_KITCHEN, *_TO_DOCK),
        (_KITCHEN, _ARRIVE, *_TO_DOCK),
    ),
    "R504": Rule(
        "no navigation to wait for",
        _WAITED_FOR,
        "Nothing was sent to the planner, so the wait ends at once or at its timeout.",
        (_ARRIVE,),
        (_KITCHEN, _ARRIVE),
    ),
    "R505": Rule(
        "no perception request to wait for",
        _WAITED_FOR,
        "There is no pending result: the future does not exist.",
        ("self.wait_for_perception()",),
        (_LOOK, "self.wait_for_perception()"),
    ),
    "R506": Rule(
        "no perception result to report",
        "report_perception tells a result once, after its wait.",
        "A result is there only after a request was waited for, and once reported it is gone.",
        (_LOOK, "self.report_perception()"),
        (_LOOK, "self.wait_for_perception()", "self.report_perception()"),
    ),
    "R507": Rule(
        "no docking to wait for",
        _WAITED_FOR,
        "Docking was never begun.",
        ("self.wait_for_docking()",),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()"),
    ),
    "R508": Rule(
        "no navigation to cancel",
        "cancel_navigation needs a trip under way.",
        "The robot is not on its way anywhere.",
        ("self.cancel_navigation()",),
        (_KITCHEN, "self.cancel_navigation()"),
    ),
    "R509": Rule(
        "a trick is not finished",
        "A trick (wave, stretch, dance, jump) takes three seconds: self.wait(seconds=3.0) after it.",
        "Waves, stretches, dances and jumps take time; a motion that begins earlier is refused or cuts them off.",
        (_WAVE, _KITCHEN, _ARRIVE),
        (_WAVE, "self.wait(seconds=3.0)", _KITCHEN, _ARRIVE),
    ),
    "R510": Rule(
        "the robot is on the dock",
        "On the dock the robot lies; undock makes it stand balanced.",
        "It lies on the charging contacts; moving off them without undocking may tear them.",
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()", _KITCHEN, _ARRIVE),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()", "self.undock()", _KITCHEN, _ARRIVE),
    ),
    "R511": Rule(
        "the robot is not on the dock",
        "undock and wait_for_charge need a docked robot.",
        "Undocking and charging need a docked robot.",
        ("self.wait_for_charge(level=80)",),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()", "self.wait_for_charge(level=80)"),
    ),
    "R512": Rule(
        "no such room in the scene",
        "Goals are rooms that the command names.",
        "The waypoint table has no entry of that name, so no goal can be built.",
        ("self.nav_publisher.publish(self.create_nav_goal(room='moon_base'))", _ARRIVE),
        (_KITCHEN, _ARRIVE),
        label=Label.WRONG_CONTENT,
    ),
    "R513": Rule(
        "not at that dock",
        "dock needs the robot in the room 'charging_dock'.",
        "Docking begins in front of the dock's marker, in the dock's room, and needs the dock's own id.",
        (_DOCK, "self.wait_for_docking()"),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()"),
    ),
    "R514": Rule(
        "a perception request is pending",
        "One camera request at a time: wait for it before the next and before going on.",
        "Driving off or asking again before the result is in loses it.",
        (_LOOK, _KITCHEN, _ARRIVE),
        (_LOOK, "self.wait_for_perception()", _KITCHEN, _ARRIVE),
    ),
    "R515": Rule(
        "a Move had no time to act",
        "Calls follow at once, and one Move runs for one second: self.wait(seconds=1.0) after each, less for"
        " part of a second.",
        "Calls follow each other at once: without a wait the next Move or StopMove ends it before it begins.",
        (_FORWARD, _STOP),
        (_FORWARD, _SECOND, _STOP),
    ),
    "R516": ALONE._replace(
        wrong=(_KITCHEN, _ARRIVE, "self.ask_operator(question='And then?')"),
        right=("self.ask_operator(question='Where should I go after the kitchen?')",),
    ),
    "R517": Rule(
        "a jump is not safe here",
        "FrontJump needs 20% battery and two metres of free space, and leaves the joints locked.",
        "A jump needs 20% battery and two metres of clear space ahead.",
        ("self.sport_client.FrontJump()", "self.wait(seconds=3.0)"),
        ("self.decline(reason='There is no room to jump.')",),
        start={"clear_space": 1.0},  # a wall one metre ahead
    ),
    "R518": Rule(
        "docking is not finished",
        _WAIT_FIRST,
        "The robot is lowering itself onto the dock; anything that moves it now ruins the approach.",
        (*_TO_DOCK, _DOCK, "self.sport_client.Sit()"),
        (*_TO_DOCK, _DOCK, "self.wait_for_docking()"),
    ),
    "R519": Rule(
        "a timeout too short to arrive, to see or to dock",
        "A timeout must be long enough for the way at 1 m/s: leave it out.",
        "Even at the highest allowed speed the goal takes longer, so the wait ends on the way. A look takes a second at"
        " least (project policy) and docking five, in which Nav2's docking server looks for the dock.",
        (_KITCHEN, "self.wait_for_navigation(timeout_sec=1.0)"),
        (_KITCHEN, "self.wait_for_navigation(timeout_sec=60.0)"),
    ),
}
