"""`gonogo plan`, `promote` and `promoted` on a small pack, with recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import promotion
from harness.tests.conftest import Gonogo
from harness.tests.gate_pack import CASES, FLIPS, WAITS, WIDE, every, recording, small_pack

NAMES = ("--as", "x:new", "--incumbent", "x:old")


@pytest.fixture
def gonogo(gonogo: Gonogo) -> Gonogo:
    """Runs a command line on the pack."""
    small_pack(Path("pack"))
    pack = {"promoted": ()}
    return lambda command, *rest, **more: gonogo(command, *rest, *pack.get(command, ("--pack", "pack")), **more)


def test_every_attempt_is_kept_and_only_go_is_promoted(gonogo: Gonogo) -> None:
    """INCONCLUSIVE and NO-GO are kept with their verdict, look and alpha, and told at the next attempt."""
    old = recording("bare.jsonl", every(8))
    for number, code, told in (
        (7, 3, "tried before: never; look 1 at this question, alpha 0.04 of 0.05"),
        (2, 1, "tried before: 1 INCONCLUSIVE; look 2 at this question, alpha 0.008 of 0.05"),
        (7, 3, "tried before: 1 INCONCLUSIVE, 1 NO-GO; look 1 at this question, alpha 0.04 of 0.05"),
    ):
        done = gonogo("promote", recording("candidate.jsonl", every(number)), "--against", old, *NAMES)
        assert (done.code, told in " ".join(done.out.split())) == (code, True), done
    entries = promotion.read(Path("promotions.jsonl"))
    assert [(entry.action, entry.model, entry.replaces) for entry in entries] == [("attempt", "x:new", "x:old")] * 3
    assert [entry.details["verdict"] for entry in entries] == ["INCONCLUSIVE", "NO-GO", "INCONCLUSIVE"]
    assert {"cases_sha256", "recording_sha256"} <= set(entries[0].details["candidate"]["hashes"])
    assert entries[0].details["look"]["intents"] == WAITS + FLIPS
    assert gonogo("promoted").code == 2
    assert "attempt   x:new  in place of x:old  NO-GO" in gonogo("promoted", "--history").out


def test_a_gate_is_kept_where_a_record_is_named(gonogo: Gonogo) -> None:
    """Without one an open verdict says what a further gate is; with one it is the look that `promote` takes up."""
    old, new = recording("bare.jsonl", every(8)), recording("candidate.jsonl", every(7))
    without = gonogo("gate", new, "--against", old)
    assert (without.code, "further look at the same question" in without.out) == (3, True)
    assert "are about a record" in gonogo("gate", new, "--against", old, *NAMES).err
    ask = (recording("better.jsonl"), "--against", old, *NAMES)
    kept = gonogo("gate", *ask, "--record", "promotions.jsonl", "--json")
    assert (kept.code, json.loads(kept.out)["look"]["alpha"]) == (0, pytest.approx(0.04))
    again = json.loads(gonogo("promote", *ask, "--json").out)["look"]
    assert (again["number"], [look["verdict"] for look in again["tried_before"]]) == (0, ["GO"])
    actions = [entry.action for entry in promotion.read(Path("promotions.jsonl"))]
    assert actions == ["attempt", "attempt", "promote"]


def test_an_early_stop_again_is_the_same_look(gonogo: Gonogo) -> None:
    """What is asked depends on alpha: with that of the first look the same answers are found, and no alpha is lost."""
    old, new = recording("bare.jsonl", every(1)), recording("better.jsonl")
    Path("wide.toml").write_text(WIDE, encoding="utf-8")
    options = ("--early-stop", "--policy", "wide.toml", "--record", "r.jsonl", "--json", *NAMES)
    first, again, other = (
        json.loads(gonogo("gate", candidate, "--against", old, *options).out)
        for candidate in (new, new, recording("other.jsonl", every(10)))
    )
    assert first["early_stop"]["stopped_early"]
    assert [one["look"]["number"] for one in (first, again, other)] == [0, 0, 1]
    assert again["early_stop"] == first["early_stop"]


def test_a_promotion_is_against_the_model_in_use(gonogo: Gonogo) -> None:
    """After x:new was promoted, a gate against x:old promotes nothing; nor does a model replace itself."""
    bare = recording("bare.jsonl")
    ask = ("promote", bare, "--against", bare)
    assert gonogo(*ask, "--incumbent", "x:old").code == 2  # which model is the candidate?
    assert gonogo(*ask, *NAMES).code == 0
    late = gonogo(*ask, "--as", "x:newer", "--incumbent", "x:old")
    assert (late.code, "x:new is in use" in late.err) == (2, True)
    assert "GO" not in late.out  # a verdict that is seen would be a look
    assert "cannot replace itself" in gonogo(*ask, "--as", "x:new", "--incumbent", "x:new").err
    assert gonogo("promoted").out == "x:new\n"
    assert "promote   x:new  in place of x:old" in gonogo("promoted", "--history").out
    assert len(Path("promotions.jsonl").read_text().splitlines()) == 2


def test_a_promotion_goes_on_from_the_head_that_was_kept(gonogo: Gonogo) -> None:
    """--head is the hash of the last line, whole or as printed; a line cut off or added is exit 4."""
    path, bare = Path("promotions.jsonl"), recording("bare.jsonl")
    ask, again = ("promote", bare, "--against", bare, "--head"), ("--as", "x:newer", "--incumbent", "x:new")
    assert "the last line has the hash" in gonogo(*ask, "a" * 12, *NAMES).err
    done = gonogo(*ask, promotion.START, *NAMES)
    assert done.code == 0, done
    printed = done.out.split()[-1].rstrip(")")
    assert len(printed) == promotion.SHORT
    assert gonogo("promoted", "--head", printed).out == "x:new\n"
    content = path.read_bytes()
    path.write_bytes(content.splitlines(keepends=True)[0])
    assert gonogo(*ask, printed, *again).code == 4
    path.write_bytes(content)
    assert gonogo(*ask, promotion.last_hash(promotion.read(path)).upper(), *again).code == 0
    assert gonogo(*ask, printed, *again).code == 4


def test_a_tampered_record_gives_a_deployment_nothing(gonogo: Gonogo) -> None:
    """`promoted` prints no model and exits 4, with and without --verify; an intact one verifies."""
    path = Path("promotions.jsonl")
    promotion.promote(path, "x:new", "x:old", {}, promotion.START)
    intact = gonogo("promoted", "--verify")
    assert (intact.code, intact.out.split()[:2]) == (0, ["intact:", "1"])
    assert "cannot be seen without --head" in intact.err
    head = intact.out.split()[-1]
    for known, code in ((head, 0), (head[:12], 0), ("", 4), (head[:11], 4), ("f" * 64, 4), (head[1:13], 4)):
        verified = gonogo("promoted", "--verify", "--head", known)
        assert (verified.code, verified.err == "") == (code, code == 0)
    path.write_text(path.read_text().replace("x:new", "x:bad"), encoding="utf-8")
    for options in ((), ("--verify",), ("--rollback",)):
        done = gonogo("promoted", *options)
        assert (done.code, done.out, "promotions.jsonl:1" in done.err) == (4, "", True)
    path.write_text("")
    assert gonogo("promoted", "--verify", "--head", head).code == 4
    path.unlink()
    assert [gonogo("promoted", *options).code for options in (("--head", head), ())] == [4, 2]


def test_plan_says_what_the_policy_would_say(gonogo: Gonogo) -> None:
    """Shares of verdicts and what costs a GO; price and models enter the cost, recordings give the true rates."""
    recording("bare.jsonl", every(4))

    def plan(*arguments: object) -> dict[str, Any]:
        done = gonogo("plan", "--rounds", 20, *arguments, "--json")
        assert done.code == 0, done.err
        return dict(json.loads(done.out))

    assumed = plan("--times", 1, "--times", 3, "--price", 1, 10)
    small, large = assumed["sizes"]
    intents = WAITS + FLIPS
    assert [small["intents"], large["intents"], large["commands"]] == [intents, 3 * intents, 3 * len(CASES)]
    assert all(one["go"] + one["no_go"] + one["inconclusive"] == pytest.approx(1) for one in (small, large))
    assert large["go"] > small["go"]
    assert small["costs"]["primary"] == small["inconclusive"] > 0
    assert small["usd"] == pytest.approx((small["prompt_tokens"] + 10 * small["completion_tokens"]) / 1e6)
    measured = plan("--from", "bare.jsonl", "--models", 1, "--gain", "-0.3", "--discordance", 0)
    share = 2 * (WAITS // 4) / len(CASES)
    assert measured["truth"]["base"] == pytest.approx(1 - share)
    assert measured["truth"]["likeness"] > 0.9  # both paraphrases of an intent fail together here
    assert measured["sizes"][0]["requests"] * 2 == small["requests"]
    assert measured["sizes"][0]["no_go"] == 1, "thirty points lost, whatever discordance was said"
    assert (measured["sizes"][0]["usd"], measured["estimated_from"].count("--discordance")) == (None, 1)
    recording("candidate.jsonl", lambda case_id: every(4)(case_id) or every(10)(case_id))
    both = plan("--from", "bare.jsonl", "--from", "candidate.jsonl")
    assert both["truth"]["discordance"] == pytest.approx(2 * (WAITS // 20) / len(CASES))
    shown = gonogo("plan", "--rounds", 20, "--price-of", "openai:gpt-4.1").out
    assert "stands in the way of a GO: primary in " in shown
    assert "2 and 8 USD a million, read 20" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [("--margin 0", ""), ("--margin 5", ""), ("--gain -2", ""), ("--discordance 2", ""), ("--rounds 1", ""),
     ("--from none.jsonl", ""), ("--price-of openai:none", ""),
     ("--from bare.jsonl --from short.jsonl", "different cases or samples")],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_a_message(gonogo: Gonogo, arguments: str, said: str) -> None:
    """Numbers out of range, a missing file, an unknown price, recordings that do not match: exit 2, one message."""
    recording("bare.jsonl")
    Path("short.jsonl").write_text(Path("bare.jsonl").read_text().split("\n", 1)[1])
    done = gonogo("plan", *arguments.split())
    assert (done.code, "Traceback" in done.err, said in done.err) == (2, False, True)
    assert "gonogo: " in done.err or "gonogo plan: error: " in done.err
