"""The API check: what binds as Python binds, and that every single mutation of a right call is found."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.checks import Call, Checked, Checker, canonical, check_answer
from harness.sdk.profile import find_profile
from harness.tests.profile_calls import Written, calls, written

FEW = settings(max_examples=40)

PROFILE = find_profile("go2")
LEGACY = find_profile("go2-legacy")


def check(command: str) -> Checked:
    """One command as an answer."""
    return check_answer(json.dumps([command], ensure_ascii=False), PROFILE)


def codes(command: str) -> list[str]:
    """The codes found in one command."""
    return [finding.code for finding in check(command).findings]


@FEW
@given(calls(PROFILE), st.integers(0, 5))
def test_any_call_of_the_profile_passes(call: Written, positional: int) -> None:
    """A call drawn from the profile has no finding, by keyword or by position, and binds the values drawn."""
    checked = check(call.text(positional=positional))
    assert checked.findings == ()
    assert checked.calls is not None
    (bound,) = checked.calls
    assert bound.path == call.spec.path
    for name, value in call.values.items():
        expected = tuple(value) if isinstance(value, list) else value
        if not isinstance(expected, Written):
            assert bound.args[name] == expected
            assert type(bound.args[name]) is type(expected)


@FEW
@given(calls(PROFILE))
def test_how_a_call_is_written_makes_no_difference(call: Written) -> None:
    """Position or keyword, order of keywords, spaces and defaults spelled out have one canonical form."""
    key = canonical(call.text(), PROFILE)
    assert key is not None
    assert canonical(call.text(positional=9), PROFILE) == key
    spelled = call
    for param in call.spec.params or ():
        if param.default is not None and param.name not in call.values:
            spelled = spelled.with_value((param.name,), param.default)
    assert canonical(spelled.text(), PROFILE) == key
    turned = Written(call.spec, dict(reversed(call.values.items())))
    assert canonical(turned.text().replace("(", "( ", 1), PROFILE) == key


@FEW
@given(calls(PROFILE), st.data())
def test_another_name_is_found(call: Written, data: st.DataObject) -> None:
    """One letter more, less or other in the call's name is found, never taken for another call."""
    name = call.spec.path.rpartition(".")[2]
    at = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("abcxyzABCXYZ_"))
    kinds = [name[:at] + name[at + 1 :], name[:at] + letter + name[at:], name[:at] + letter]
    changed = data.draw(st.sampled_from(kinds))
    path = call.spec.path[: -len(name)] + changed
    assume(changed.isidentifier() and path not in PROFILE.by_path)
    checked = check(call.text().replace(f"self.{call.spec.path}(", f"self.{path}(", 1))
    assert not checked.api_valid
    assert checked.findings


@FEW
@given(calls(PROFILE), st.data())
def test_a_missing_or_surplus_argument_is_found(call: Written, data: st.DataObject) -> None:
    """Without a required argument, with one more by position, or by an unknown name, the call does not bind."""
    surplus = call.text(positional=9)[:-1] + (", 1)" if call.values else "1)")
    if len(call.values) == len(call.spec.params or ()):
        assert "A309" in codes(surplus)
    unknown = call.text()[:-1] + (", extra=1)" if call.values else "extra=1)")
    assert codes(unknown) == ["A310"]
    required = [p.name for p in call.spec.params or () if p.required]
    if required:
        name = data.draw(st.sampled_from(required))
        assert codes(call.without(name).text()) == ["A308"]
        doubled = call.text()[:-1] + f", {name}=1)"
        assert "A311" in codes(doubled)


_OTHER_TYPES: dict[str, list[object]] = {
    "float": [True, "1.0", None, [1.0]],
    "int": [True, 1.0, "1", None],
    "bool": [1, 0, "True", None, 1.0],
    "str": [1, True, None, 1.5, ["a"]],
    "list[str]": ["kitchen", [1], [True], None, ("a",)],
    "call": ["text", 1, None],
}


@FEW
@given(calls(PROFILE), st.data())
def test_another_type_is_found(call: Written, data: st.DataObject) -> None:
    """A value of another type never binds: a bool is no number, a float no int, a string no list or builder."""
    assume(call.arguments())
    names, param = data.draw(st.sampled_from(call.arguments()))
    wrong = data.draw(st.sampled_from(_OTHER_TYPES[param.type.partition(":")[0]]))
    assert codes(call.with_value(names, wrong).text()) == ["A312"]


@FEW
@given(calls(PROFILE), st.data())
def test_a_number_out_of_range_is_found(call: Written, data: st.DataObject) -> None:
    """The next number beside the range, or any further one, is A314."""
    ranged = [(names, p) for names, p in call.arguments() if p.max is not None and p.min is not None]
    assume(ranged)
    names, param = data.draw(st.sampled_from(ranged))
    low, high = float(param.min or 0), float(param.max or 0)
    if param.type == "float":
        wrong: float = data.draw(st.floats(high, 1e300, exclude_min=True) | st.floats(-1e300, low, exclude_max=True))
    else:
        wrong = data.draw(st.integers(int(high) + 1, 10**50) | st.integers(-(10**50), int(low) - 1))
    checked = check(call.with_value(names, wrong).text())
    assert [f.code for f in checked.findings] == ["A314"]
    assert not checked.api_valid


@FEW
@given(calls(PROFILE), st.data())
def test_another_word_is_found(call: Written, data: st.DataObject) -> None:
    """Not one of the choices, not the form of a name, too long or empty: each has its code."""
    worded = [(n, p) for n, p in call.arguments() if p.enum or p.type in {"str", "list[str]"}]
    assume(worded)
    names, param = data.draw(st.sampled_from(worded))
    if param.enum:
        wrong: object = data.draw(st.integers(2, 99)) if param.type == "int" else data.draw(st.sampled_from(["x", ""]))
        expected = "A315"
    elif param.pattern:
        wrong = data.draw(st.sampled_from(["Living Room", "living room", "living-room", "_x", "x_", "a__b", "küche"]))
        expected = "A316"
    else:
        wrong = data.draw(st.sampled_from(["", "  ", "a" * ((param.max_len or 0) + 1)]))
        expected = "A317"
    if param.type == "list[str]":
        wrong = data.draw(st.sampled_from([[wrong], ["kitchen", wrong]]))
    assert codes(call.with_value(names, wrong).text()) == [expected]


@FEW
@given(calls(PROFILE), st.data())
def test_any_changed_value_is_another_call(call: Written, data: st.DataObject) -> None:
    """Two calls with one different value never have the same canonical form, as text matching might say."""
    other = data.draw(written(call.spec, PROFILE))
    same = canonical(call.text(), PROFILE) == canonical(other.text(), PROFILE)
    assert same == (_filled(call) == _filled(other))


def _filled(call: Written) -> dict[str, object]:
    """Values with defaults filled in, nested calls too, for comparing."""
    values: dict[str, object] = {p.name: p.default for p in call.spec.params or () if p.default is not None}
    return values | {n: _filled(v) if isinstance(v, Written) else v for n, v in call.values.items()}


@pytest.mark.parametrize(
    ("command", "code", "part", "hint"),
    [
        ("self.spin(angle=90)", "A314", "90", "radians: 90 degrees is 1.571."),
        ("self.spin(angle=-45.0)", "A314", "-45.0", "radians: -45.0 degrees is -0.785."),
        ("self.sport_client.Move(vx=1.5, vy=0, vyaw=0)", "A314", "1.5", "The vendor documents -2.5 to 3.8 m/s"),
        ("self.vui_client.Move(0.1, 0, 0)", "A304", "Move", "Did you mean self.sport_client.Move?"),
        ("self.StandUp()", "A304", "StandUp", "Did you mean self.sport_client.StandUp?"),
        ("self.sport_client.stand_up()", "A304", "stand_up", "Did you mean self.sport_client.StandUp?"),
        ("sport_client.StandUp()", "A301", "sport_client.StandUp", "Write self.sport_client.StandUp(...)."),
        ("robot.wait(seconds=1.0)", "A301", "robot.wait", "Did you mean self.wait?"),
        ("robot.sport_client.Sit()", "A301", "robot.sport_client.Sit", "Did you mean self.sport_client.Sit?"),
        ("robot.get_logger().info('x')", "A301", "robot.get_logger().info", "Did you mean self.get_logger().info?"),
        ("self.sports_client.Sit()", "A303", "self.sports_client", "Did you mean self.sport_client.Sit?"),
        ("self.sport_client.SwitchGait(1)", "A306", "SwitchGait", "SwitchGait(t: int)"),
        ("self.goToPose('kitchen')", "A305", "goToPose", ""),
        ("self.create_nav_goal(room='a')", "A307", "self.create_nav_goal", "self.nav_publisher.publish("),
        ("self.follow_waypoints(rooms=['Living-Room'])", "A316", "'Living-Room'", "Write 'living_room'."),
        ("self.follow_waypoints(rooms='a')", "A312", "'a'", ""),
        ("self.sport_client.SpeedLevel(level=1.0)", "A312", "1.0", ""),
        ("self.wait('3')", "A312", "'3'", ""),
        ("self.wait(seconds=1e999)", "A313", "1e999", ""),
        ("self.say(text=hello)", "A312", "hello", ""),
        ("self.wait(seconds=nan)", "A312", "nan", ""),
        ("self.say(text='a' 'b')", "A324", "'b'", "Write it as one string."),
        ("self.say(text='a'r'b')", "A324", "r'b'", "Write it as one string."),
        ("self.say(text='a'  u'b')", "A324", "u'b'", "Write it as one string."),
        ("self.get_logger().warn('x')", "A305", "warn", ""),
        ("self.report_pose().x()", "A322", "self.report_pose().x", ""),
        ("self.follow_waypoints(rooms=['k\u00fcche'])", "A316", "'k\u00fcche'", ""),  # `k_che` would be nobody's room
        ("self.say(text='привет мир', volume=3)", "A310", "volume", "Write self.say(text)."),
    ],
)
def test_findings_point_at_the_part_and_help(command: str, code: str, part: str, hint: str) -> None:
    """Each finding's span holds exactly the wrong part, and its hint says what would be right."""
    (finding,) = check(command).findings
    assert finding.code == code
    assert finding.item == 0
    assert command[slice(*finding.span)] == part
    assert hint in finding.hint if hint else not finding.hint


def test_a_removed_method_is_told_from_an_invented_one_in_both_profiles() -> None:
    """What one firmware has and the other lacks is A306 there, and no finding where it belongs."""
    for call, has, lacks in (("SwitchGait(t=1)", LEGACY, PROFILE), ("ClassicWalk(flag=True)", PROFILE, LEGACY)):
        answer = f'["self.sport_client.{call}"]'
        assert check_answer(answer, has).findings == ()
        assert [f.code for f in check_answer(answer, lacks).findings] == ["A306"]


def test_bound_calls_carry_defaults_and_nested_calls() -> None:
    """The simulator gets complete arguments: defaults filled in, builders nested, ints left ints, lists tuples."""
    checked = check_answer(
        """["self.wait_for_navigation()", "self.wait(2)", "self.follow_waypoints(['a', 'b'])",
        "self.perception_client.call_async(self.create_perception_request('detect_person'))"]""",
        PROFILE,
    )
    request = Call("create_perception_request", {"task": "detect_person"})
    assert checked.calls == (
        Call("wait_for_navigation", {"timeout_sec": 120.0}),
        Call("wait", {"seconds": 2}),
        Call("follow_waypoints", {"rooms": ("a", "b")}),
        Call("perception_client.call_async", {"request": request}),
    )


@pytest.mark.parametrize(
    ("commands", "found"),
    [(["undock()", "decline(reason='no')"], [("A320", 1)]), (["undock()", "jump()", "wait(1.0)"], [("A304", 1)])],
    ids=["declining stands alone", "one is unknown"],
)
def test_one_bad_command_unbinds_the_list_but_is_named_alone(commands: list[str], found: list[tuple[str, int]]) -> None:
    """Only the bad item has a finding; the list as a whole does not bind."""
    checked = check_answer(json.dumps([f"self.{command}" for command in commands]), PROFILE)
    assert [(f.code, f.item) for f in checked.findings] == found
    assert (checked.calls, checked.api_valid) == (None, False)
    assert checked.syntax_valid
    assert checked.safe


@FEW
@given(st.lists(calls(PROFILE), min_size=1, max_size=8))
def test_the_cache_changes_nothing(drawn: list[Written]) -> None:
    """An answer checked twice, and by a checker without cache, gives the same result."""
    text = json.dumps([call.text() for call in drawn], ensure_ascii=False)
    assert check_answer(text, PROFILE) == check_answer(text, PROFILE) == Checker(PROFILE, cache_size=0).answer(text)
