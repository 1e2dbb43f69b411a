"""Linear, always: a megabyte of any text through checks, SARIF, terminal and score in two seconds of CPU."""

from __future__ import annotations

import json
import random
import time

import pytest

from harness.checks import Checker
from harness.checks.answer_file import Answer
from harness.checks.sarif import sarif
from harness.models.outcomes import Completion, Outcome
from harness.models.replies import read_body
from harness.pack import load_pack
from harness.score import Scorer
from harness.sdk.profile import find_profile
from harness.terminal import answer_text
from harness.text import keys_in, visible

WORDS = r"""self. ( ) [ ] { } " ' \ \n = * # ``` <think> </think> <|channel|>analysis<|message|> <|end|> , - + . :
lambda: sk-abcdef password bearer A1 eyJ \N{BULLET} \x41 f" b" r" ::error:: def for not self.a [0] 0x 1e9 | & < >
self.say(text=' self.undock(a=1, "self.undock()","""
PIECES = [*WORDS.split(), "\n", "\r", "\t", " ", "\0", "\ud800", "\x1b[31m", "\u202e", "é"]
SIZE = 64_000  # nearly all that is read of one answer; sixteen are a megabyte
PACK = load_pack("go2")
CASES = PACK.cases()


def text_of(rng: random.Random) -> str:
    """Some pieces again and again: as they are, in a list, or as many commands."""
    unit = "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 4)))
    kind = rng.randrange(4)
    if kind == 0:
        return (unit * SIZE)[:SIZE]
    if kind == 1:
        return ('["' + unit * SIZE)[: SIZE - 2] + '"]'
    length = rng.choice([10, 100, 900])
    commands = [(unit * length)[:length] + str(number) for number in range(SIZE // (length + 8))]
    return (repr(commands) if kind == 2 else json.dumps(commands))[:SIZE]


@pytest.mark.parametrize("seed", range(4))
def test_four_texts_take_half_a_second(seed: int) -> None:
    """A quarter of a megabyte of text, everything that is done with an answer."""
    rng = random.Random(seed)  # noqa: S311
    scorer = Scorer(PACK, CASES)
    texts = [text_of(rng) for _ in range(4)]
    begun = time.process_time()
    for text in texts:
        checked = Checker(find_profile("go2"), cache_size=0).answer(text)
        assert len(json.dumps(sarif("a", [(Answer(text), checked)]))) < 2_000_000
        answer_text(text, checked.commands, checked.findings)
        read_body({"choices": [{"finish_reason": "stop", "message": {"content": text}}]}, "sk-secretsecret")
        visible(text)
        list(keys_in(text))
        scorer.score(Completion("", "m", rng.choice(CASES).id, 0, Outcome.ANSWERED, text))
    assert time.process_time() - begun < 1.0  # on a busy machine: half of it where nothing else runs
