"""The grammar teacher: deterministic, canonical, balanced, and blind to what must stay unseen."""

from __future__ import annotations

import ast
import json
import random
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks import check_answer
from harness.cli import main
from harness.errors import InputError
from harness.sdk.profile import Profile, load_profile
from harness.training import calls
from harness.training.bank import Bank, Dealer, is_reserved, load_bank
from harness.training.clauses import hash_of
from harness.training.grammar import SHOWCASE, Example, answer_text, examples
from harness.training.overlap import Guard, make_guard, normalised, overlap, read_commands
from harness.training.wording import in_words

PACK = Path(__file__).resolve().parents[2] / "datasets" / "go2"
COUNT = 4000


@pytest.fixture(scope="module")
def bank() -> Bank:
    """The shipped phrase bank."""
    return load_bank(PACK)


@pytest.fixture(scope="module")
def made(bank: Bank) -> list[Example]:
    """What the grammar offers, before anything is sorted out."""
    return list(islice(examples(bank, 11), COUNT))


@pytest.fixture(scope="module")
def guard() -> Guard:
    """Every held-out command, every command that adapters are tried on, and the example of the README."""
    files = [*sorted(PACK.glob("heldout*.jsonl")), *sorted((PACK / "training").glob("*.jsonl"))]
    return make_guard([*read_commands(files), SHOWCASE])


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The shipped profile."""
    return load_profile(PACK / "profiles" / "go2.json")


def test_same_seed_same_examples(bank: Bank) -> None:
    """The same seed gives the same examples in the same order; another seed gives others."""
    first, again, other = (list(islice(examples(bank, seed), 60)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_every_answer_passes_the_checks(made: list[Example], profile: Profile) -> None:
    """Each answer is the list alone, its calls parse, bind to the profile and are safe where asked for."""
    guarded = ("sport_client.FrontJump", "sport_client.Damp")
    for example in made:
        checked = check_answer(answer_text(example.answer), profile, allow_guarded=guarded)
        assert checked.format_strict, example
        assert checked.api_valid, example
        assert checked.safe, example


def test_every_call_of_the_profile_is_taught(made: list[Example], profile: Profile) -> None:
    """Every allowed call occurs in some answer, so that none is left for the model to guess."""
    text = " ".join(call for example in made for call in example.answer)
    allowed = [call.path for call in profile.calls if call.tier != "deny"]
    assert [path for path in allowed if f"self.{path}(" not in text] == []


def test_sides_are_balanced(made: list[Example]) -> None:
    """About as many answers turn left as right, half and full turns apart, and as many move to either side."""
    for pattern in (r"spin\(angle=(-?)(?!-|3\.142|6\.283)", r"Move\(vx=0\.0, vy=(-?)0\.[1-9]"):
        signs = Counter(sign for example in made for sign in set(re.findall(pattern, " ".join(example.answer))))
        assert 0.7 < signs["-"] / signs[""] < 1.4, (pattern, signs)


def test_dispositions_keep_their_share(made: list[Example]) -> None:
    """About a sixth of the examples is declined and a fifteenth asked about, those in other languages among them."""
    kinds = Counter(example.answer[0].split("(")[0] for example in made)
    assert 0.15 < kinds["self.decline"] / COUNT < 0.2
    assert 0.05 < kinds["self.ask_operator"] / COUNT < 0.08


def test_sides_agree_with_words(made: list[Example]) -> None:
    """A single turn by an angle is positive exactly when the command says left or counter-clockwise."""
    for example in made:
        if example.skills == ("spin",) and len(example.answer) == 2:
            command = re.sub(r"(sister|just|has) +left", "", example.command, flags=re.IGNORECASE)  # somebody has gone
            left = re.search(r"left|counter|anti|ccw", command, re.IGNORECASE) is not None
            assert ("angle=-" not in example.answer[0]) == left, example


WAYS = {
    (1, 0): "forward|ahead|straight on",
    (-1, 0): "back|reverse",
    (0, 1): "left",
    (0, -1): "right",
}


def test_ways_agree_with_words(made: list[Example]) -> None:
    """A single move by a distance or at a speed goes where the command says, never another way."""
    moves = [example for example in made if example.skills in (("move",), ("sidestep",))]
    assert len(moves) > 60
    for example in moves:
        # Fillers and the small talk around a command have "right" and "left" in them, slips of the finger spoil a way.
        command = re.sub(
            r"\b(all right|right,|right (now|th\w+|a\w*d)|my back|(go ahead|facing ahead) and|(sister|just|has) +left)",
            "",
            example.command,
            flags=re.IGNORECASE,
        )
        vx, vy = (float(part) for part in re.findall(r"v[xy]=(-?[\d.]+)", example.answer[0])[:2])
        said = {way for way, words in WAYS.items() if re.search(rf"\b({words})", command, re.IGNORECASE)}
        assert said <= {((vx > 0) - (vx < 0), 0), (0, (vy > 0) - (vy < 0))}, example


def test_lists_that_begin_alike_are_two_decks() -> None:
    """Lists of one length and one first phrase have different names, so that neither draws from the other's deck."""
    assert hash_of(("turn", "spin")) == hash_of(["turn", "spin"])
    assert hash_of(("turn", "spin")) != hash_of(("turn", "rotate"))


def test_a_deck_is_made_from_one_list() -> None:
    """What is drawn never comes from the items of an earlier call: a deck asked for with others is an error."""
    dealer = Dealer(random.Random(1))  # noqa: S311 - shuffles, no secret
    assert dealer.draw("way", ["left", "left"]) == "left"
    with pytest.raises(ValueError, match="'way' was made from other items"):
        dealer.draw("way", ["right", "right"])


def test_nothing_reserved_and_nothing_held_out(bank: Bank, guard: Guard, tmp_path: Path) -> None:
    """What `gonogo generate` keeps holds no reserved word, no neighbour of a held-out command, nor the README's own."""
    assert main(["generate", "--teacher", "grammar", "-n", "900", "--seed", "11", "--out", str(tmp_path)]) == 0
    rows = [json.loads(line)["messages"] for line in (tmp_path / "train.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) > 800
    for _, user, assistant in rows:
        command, everything = user["content"], f"{user['content']} {assistant['content']}"
        assert not is_reserved(everything, bank.reserved), command
        assert overlap(command, guard) == "", command
        assert not all(part in normalised(everything) for part in ("kitchen", "red ball")), command


def test_missing_bank_is_a_user_error(tmp_path: Path) -> None:
    """A folder without a phrase bank gives one message with the file's name."""
    with pytest.raises(InputError, match=r"vocabulary\.toml"):
        load_bank(tmp_path)


@given(st.floats(-12.0, 12.0).filter(lambda angle: abs(angle) > 0.01))
def test_spins_add_up(angle: float) -> None:
    """The spins of a turn add up to its angle, each at most one full turn."""
    angles = [float(call[len("self.spin(angle=") : -1]) for call in calls.spin(angle) if "spin" in call]
    assert sum(angles) == pytest.approx(angle, abs=2e-3)
    assert all(abs(part) <= 6.284 for part in angles)


@given(st.floats(0.1, 8.0), st.floats(-0.6, 1.0))
def test_moves_last_as_long_as_asked(seconds: float, vx: float) -> None:
    """Waits between the moves add up to the time asked for, none longer than a move lasts, and a stop ends them."""
    made = calls.move(vx, 0.0, 0.0, seconds)
    waits = [float(call[len("self.wait(seconds=") : -1]) for call in made if call.startswith("self.wait")]
    assert sum(waits) == pytest.approx(seconds, abs=2e-3)
    assert max(waits) <= 1.0
    assert made[-1] == "self.sport_client.StopMove()"


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_spoken_text_survives_quoting(text: str) -> None:
    """Whatever text is to be said, the call holds exactly it as a Python string."""
    tree = ast.parse(f"self.say(text={calls.quoted(text)})", mode="eval")
    assert isinstance(tree.body, ast.Call)
    assert ast.literal_eval(tree.body.keywords[0].value) == text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (14, "fourteen"),
        (20, "twenty"),
        (45, "forty-five"),
        (180, "one hundred and eighty"),
        (300, "three hundred"),
    ],
)
def test_numbers_in_words(value: int, words: str) -> None:
    """Whole numbers are worded as English has them."""
    assert in_words(value) == words
