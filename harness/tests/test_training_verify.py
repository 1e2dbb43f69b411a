"""What is between a teacher's reply and a training file: reading, cost, the verifier, the split."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checks import canonical, check_answer
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Request
from harness.overlap import make_guard
from harness.pack import load_pack
from harness.prices import Budget, Price
from harness.sdk.profile import load_profile
from harness.simulation import load_scenes, simulate, with_inferred_start
from harness.training.generate import split_by_intent
from harness.training.teacher import Pair, read_reply
from harness.training.verify import Example, Rejection, Verified, Verifier

PACK = load_pack()
PROFILE = load_profile(PACK.profile)
SCENE = load_scenes(PACK)["home"]
GO = "self.nav_publisher.publish(self.create_nav_goal(room='{}'))"
WAIT = "self.wait_for_navigation()"
LOOK = "self.perception_client.call_async(self.create_perception_request(task='find_object', object_name='{}'))"


def _verifier(*held_out: str) -> Verifier:
    return Verifier(PROFILE, SCENE, make_guard(held_out))


def _reason(verifier: Verifier, command: str, *calls: str, guarded: str = "") -> str:
    found = verifier.check(Example(command, calls, guarded=frozenset(guarded.split())), "test")
    return found.reason if isinstance(found, Rejection) else "kept"


SIT, STAND, BALANCE = ("self.sport_client.Sit()", "self.sport_client.StandUp()", "self.sport_client.BalanceStand()")
ATTIC = [GO.format("attic"), WAIT]
SEE = [LOOK.format("purple cow"), "self.wait_for_perception()", "self.report_perception()"]
DOCK = "self.dock(dock_id='main_dock')"
SPIN, CANCEL = "self.spin(angle=1.0)", "self.cancel_navigation()"


@pytest.mark.parametrize(
    "calls",
    [
        [GO.format("moon_base"), WAIT, *SEE],
        ["self.undock()", *ATTIC],
        ["self.wait_for_charge(level=90)", "self.undock()"],
        ["self.sport_client.RiseSit()", SPIN, WAIT],
        [STAND, BALANCE, *ATTIC],
        ["self.sport_client.RecoveryStand()", "self.sport_client.Hello()", "self.wait(seconds=3.0)"],
        [CANCEL, *ATTIC],
        [SIT, "self.sport_client.RiseSit()", *ATTIC],
    ],
)
def test_a_sound_plan_runs_in_the_world_that_it_takes_for_granted(calls: list[str]) -> None:
    """Rooms and objects that nobody described exist; the robot begins as the first steps presume."""
    checked = check_answer(json.dumps(calls), PROFILE)
    assert checked.calls is not None
    trace = simulate(checked.calls, with_inferred_start(SCENE, checked.calls))
    assert trace.broken == ()
    looked = [event for event in trace.events if event.name == "looked"]
    assert all(event.fields["seen"] == 1 for event in looked), "the object is where the plan looks for it"


@pytest.mark.parametrize(
    "calls",
    [
        [GO.format("attic"), GO.format("cellar"), WAIT, DOCK],
        [LOOK.format("purple cow"), "self.report_perception()"],
        [SIT, *ATTIC],
        [STAND, *ATTIC],
        [*ATTIC, "self.undock()", "self.undock()"],
        [SPIN, WAIT, CANCEL, CANCEL],
        [DOCK, "self.wait_for_docking()"],
    ],
)
def test_no_world_makes_an_unsound_plan_run(calls: list[str]) -> None:
    """What a plan lacks is not taken for granted: it breaks a precondition in every start state."""
    assert _reason(_verifier(), "do what the calls say", *calls) == "simulation"


def test_answers_get_the_spelling_of_the_conventions_and_keep_their_meaning() -> None:
    """Double quotes and odd spaces become the one spelling; the calls stay equal to what was given."""
    given = ('self.say( text = "it\'s done" )', "self.follow_waypoints(rooms=['hall',\"attic\"])", WAIT)
    found = _verifier().check(Example("tell them and tour", given), "test")
    assert isinstance(found, Verified)
    assert found.answer == ("self.say(text='it\\'s done')", "self.follow_waypoints(rooms=['hall', 'attic'])", WAIT)
    assert [canonical(call, PROFILE) for call in found.answer] == [canonical(call, PROFILE) for call in given]


def test_near_duplicates_are_of_one_plan() -> None:
    """A changed word for one plan is dropped; a changed number is another plan and stays; equal texts never do."""
    verifier = _verifier()
    wanted = [
        ("please turn around by ninety degrees to the left", "1.571", "kept"),
        ("please turn around by ninety degrees to the left!", "-1.571", "duplicate"),
        ("please turn round by ninety degrees to the left", "1.571", "near_duplicate"),
        ("please turn around by eighty degrees to the left", "1.396", "kept"),
        ("a quarter turn counterclockwise", "1.571", "kept"),
    ]
    for command, angle, reason in wanted:
        assert _reason(verifier, command, f"self.spin(angle={angle})", WAIT) == reason
    assert [pair.example.command for pair in verifier.kept] == [c for c, _, reason in wanted if reason == "kept"]
    assert [entry["reason"] for entry in verifier.rejected] == ["duplicate", "near_duplicate"]


def test_nothing_near_the_held_out_set_is_kept() -> None:
    """Equal words, eight words in a row, near duplicates of a held-out command and reserved words are dropped."""
    held_out = "Would you roll over to the boiler room and count the copper pipes for me?"
    verifier = _verifier(held_out)
    for command in (
        held_out.upper(),
        f"Robot. {held_out} Then wait here until noon, because the plumber wants to know exactly",
        "Would you roll over to the boiler room and count the copper valves for me?",
    ):
        assert _reason(verifier, command, "self.capture_image()") == "held_out"
    verifier.reserved = (("attic",), ("kitchen", "red ball"))
    assert _reason(verifier, "off you go", GO.format("attic"), WAIT) == "reserved"
    assert _reason(verifier, "find my red ball", GO.format("kitchen"), WAIT) == "reserved"
    assert _reason(verifier, "please visit the cook", GO.format("kitchen"), WAIT) == "kept"


def test_guarded_calls_need_an_explicit_request() -> None:
    """The emergency stop passes only where the example says that it is asked for."""
    assert _reason(_verifier(), "cut the motors", "self.sport_client.Damp()", guarded="sport_client.Damp") == "kept"
    assert _reason(_verifier(), "have a rest", "self.sport_client.Damp()") == "safety"


def test_paraphrases_of_a_plan_stay_on_one_side() -> None:
    """A hundred examples of twenty plans: the split shares no plan, and has about the share asked for."""
    verifier = _verifier()
    forms = ("pause for {} seconds", "hold still, {} s", "{} seconds of waiting please", "wait {}", "stay {} s here")
    for seconds in range(1, 21):
        for form in forms:
            assert _reason(verifier, form.format(seconds), f"self.wait(seconds={seconds}.0)") == "kept"
    train, validation = split_by_intent(verifier.kept, 0.2, seed=3)
    assert not {pair.intent for pair in train} & {pair.intent for pair in validation}
    assert len(train) + len(validation) == 100
    assert 15 <= len(validation) <= 20


@given(st.text(max_size=400) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
@settings(max_examples=25, deadline=None)
def test_any_reply_is_read_without_an_exception(text: str) -> None:
    """Whatever a teacher says: pairs and pieces with a reason, bounded in number, never an exception."""
    for reply in (text, f'{{"brief": 1, "command": {text}', '{"a":' * 3000 + text, text * 50 + '{"brief": true}'):
        found = read_reply(reply)
        assert len(found) <= 64
        assert all(isinstance(piece, tuple | Pair) for piece in found)


def test_a_request_without_token_counts_is_paid_at_its_worst() -> None:
    """Where an endpoint counts no tokens, the cap is held by the most that it can have been."""
    budget = Budget(Price(1.0, 10.0, "2026-11-22", "a test"), cap=1.0, max_tokens=100)
    request = Request("r", 0, ({"role": "user", "content": "x" * 992},))
    assert len(budget.affordable([request] * 1000)) in (499, 500)  # 1000 tokens in, 100 out: $0.002
    budget.pay(request, Completion("k", "m", "r", 0, Outcome.ANSWERED, text="y" * 100))
    assert budget.spent == pytest.approx((1000 * 1.0 + 100 * 10.0) / 1e6)
