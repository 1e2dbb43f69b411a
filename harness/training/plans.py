"""Draws plans: sequences of steps that a robot standing at rest could carry out one after another."""

from __future__ import annotations

from harness.training.bank import Bank, Dealer
from harness.training.makers import MAKERS
from harness.training.steps import Step

# How often each skill opens a deck of single commands; what flips or miscounts easily is drawn more often.
_SINGLE = {
    "goto": 10, "slow": 2, "fast": 2, "tour": 5, "slow_level": 2, "fast_level": 2, "normal_level": 2, "cancel": 2,
    "spin": 16, "spin_word": 4, "move": 18, "turn_rate": 6, "euler": 11, "level_body": 2, "stand_up": 2, "sit": 2,
    "rise": 2, "lie": 2, "recover": 2, "balance": 2, "stop": 3, "agile": 2, "classic": 2, "wave": 2, "stretch": 2,
    "dance1": 2, "dance2": 2, "jump": 3, "damp": 2, "find": 4, "find_report": 4, "count": 4, "count_report": 4,
    "person": 2, "person_report": 3, "scene": 2, "scene_report": 3, "read": 2, "read_report": 3, "photo": 2,
    "battery": 3, "pose": 3, "charge": 3, "charge_to": 4, "undock": 2, "say": 5, "say_that": 4, "log": 3,
    "volume": 5, "mute": 2, "full_volume": 2, "avoid_on": 3, "wait": 8,
}  # fmt: skip
# In longer plans, what may come between goals.
_BETWEEN = {
    "spin": 9, "spin_word": 3, "move": 8, "turn_rate": 2, "euler": 5, "sit": 2, "wave": 2, "stretch": 2,
    "dance1": 2, "dance2": 2, "find": 6, "find_report": 6, "count": 5, "count_report": 5, "person": 2,
    "person_report": 3, "scene": 2, "scene_report": 3, "read": 2, "read_report": 3, "photo": 4, "battery": 3,
    "pose": 3, "say": 6, "say_that": 4, "log": 4, "volume": 4, "wait": 7, "mute": 1, "avoid_on": 2, "agile": 1,
    "classic": 1, "slow_level": 1, "fast_level": 1, "normal_level": 1, "lie": 2, "stop": 1,
}  # fmt: skip
_LAST_ONLY = ("charge", "charge_to", "jump", "lie", "sit")
_STARTS = {"undock": 3, "stand_up": 3, "recover": 1, "rise": 1, "cancel": 2}
_SILENT_LOOKS = ("find", "count", "person", "scene", "read")
_UP_AGAIN = {"sit": "rise", "lie": "stand_up"}  # before anything else can be done
_REPEATABLE = ("spin", "wait", "say", "find", "count")
_NOTHING_AFTER = ("charge", "charge_to", "sit", "lie", "damp", "cancel", "stop")
_NOTHING_BEFORE = ("undock", "stand_up", "recover", "rise", "cancel", "stop", "tell", "damp", "balance", "level_body")
_LONG_MOVES = 7  # calls; longer movements stay alone


def draw_plan(bank: Bank, dealer: Dealer, length: int) -> list[Step]:
    """A plan of `length` steps, in the order in which they are carried out."""
    if length == 1:
        return [_make("single", _SINGLE, bank, dealer)]
    steps: list[Step] = []
    if dealer.draw("starts elsewhere", (True,) + (False,) * 9):
        steps.append(_make("start", _STARTS, bank, dealer))
    while len(steps) < length:
        last = len(steps) == length - 1
        steps += _next(steps, bank, dealer, last=last, room_left=length - len(steps))
    return steps


def fits_between(steps: list[Step], at: int) -> bool:
    """Whether another action, which needs a standing robot, may come in at a place of a plan."""
    before, after = steps[at - 1].skill if at else "", steps[at].skill if at < len(steps) else ""
    return before not in _NOTHING_AFTER and after not in _NOTHING_BEFORE


def _next(steps: list[Step], bank: Bank, dealer: Dealer, *, last: bool, room_left: int) -> list[Step]:
    """The next step, or three where something is looked at, a goal follows, and the user is told there."""
    before = steps[-1].skill if steps else ""
    if before in _UP_AGAIN:
        return [MAKERS[_UP_AGAIN[before]](bank, dealer)]
    on_the_way = not steps or steps[-1].room is None
    if dealer.draw(f"goal next {on_the_way}", (True, True, True, False) if on_the_way else (True, False, False)):
        return [_goal(bank, dealer, last=last)]
    step = _make("between", _BETWEEN, bank, dealer)
    if step.skill in _SILENT_LOOKS and room_left >= 3 and dealer.draw("tell later", (True, False, False)):
        return [step, MAKERS["goto"](bank, dealer), MAKERS["tell"](bank, dealer)]
    clashes = len(step.calls) > _LONG_MOVES or (step.skill in _LAST_ONLY and not last and room_left < 2)
    repeats = step.skill not in _REPEATABLE and any(other.skill == step.skill for other in steps)
    return _next(steps, bank, dealer, last=last, room_left=room_left) if clashes or repeats else [step]


def _goal(bank: Bank, dealer: Dealer, *, last: bool) -> Step:
    if last and dealer.draw("ends at dock", (True,) + (False,) * 9):
        return MAKERS[dealer.draw("charge", ("charge", "charge_to"))](bank, dealer)
    return MAKERS[dealer.draw("goal", ("goto",) * 16 + ("slow", "fast"))](bank, dealer)


def _make(deck: str, weights: dict[str, int], bank: Bank, dealer: Dealer) -> Step:
    skill = dealer.draw(deck, [name for name, weight in weights.items() for _ in range(weight)])
    return MAKERS[skill](bank, dealer)
