"""Runs a generation: rounds of parallel requests to a teacher, or the grammar, until enough examples have passed.

A round is made only from the seed and from what earlier rounds brought, and every answer is in the journal; so a run
that was cut off repeats its rounds from the journal, pays for nothing twice, and goes on where it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from harness.checks import check_answer
from harness.errors import EndpointError
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Request
from harness.simulation import Trace, infer_scene, simulate
from harness.training.briefs import Brief, Deck, guarded_calls, missing_words
from harness.training.dataset import Harvest, Kept
from harness.training.grammar import Example, answer_text
from harness.training.prices import Purse
from harness.training.teacher import SHOWN_BACK, Unreadable, Written, read_reply, request_messages
from harness.training.verify import Rejection, Verified, Verifier, same_effect

REQUESTS_A_ROUND = 64  # enough to keep an endpoint busy, few enough that later ones see what was accepted
FRUITLESS_BRIEFS = 60  # in a row of rounds with hardly anything kept: the teacher cannot do it
_FRUITLESS = 0.05  # share of a round's briefs
_LOWEST_YIELD = 0.3  # to which a round is enlarged for the pairs that will not pass
_RECENT = 240  # accepted examples among which those shown back are chosen

Ask = Callable[[Sequence[Request]], list[Completion]]


@dataclass(slots=True)
class Generation:
    """One generation with a teacher.

    Args:
        system: The teacher's instructions.
        deck: Deals the briefs.
        verifier: Decides what is kept.
        purse: Pays, within its cap.
        count: Examples wanted.
        per_request: Briefs in one request.
    """

    system: str
    deck: Deck
    verifier: Verifier
    purse: Purse
    count: int
    per_request: int
    harvest: Harvest = field(default_factory=Harvest)
    _asked: int = 0

    def run(self, ask: Ask, tell: Callable[[str], None]) -> str:
        """Ask until enough examples are kept.

        Args:
            ask: Answers requests, in their order.
            tell: Gets one line after each round.

        Returns:
            Why it ended short of the count; empty if it did not.

        Raises:
            EndpointError: answers are missing; what had arrived is in the journal.
        """
        fruitless = number = 0
        while len(self.harvest.kept) < self.count:
            before = len(self.harvest.kept)
            asked = self._round(number, ask)
            if not asked:
                return "the spending cap is reached"
            number += 1
            tell(f"round {number}: {len(self.harvest.kept)} of {self.count} examples kept{self._cost()}")
            gained = len(self.harvest.kept) - before
            self._asked += asked
            fruitless = fruitless + asked if gained < _FRUITLESS * asked else 0
            if fruitless >= FRUITLESS_BRIEFS:
                return f"the teacher's last {fruitless} answers brought next to nothing that passes"
        del self.harvest.kept[self.count :]
        return ""

    def first_request(self) -> Request:
        """What would be asked first, for estimates and for looking at."""
        fresh = Deck(self.deck.bank, self.deck.seed)
        return self._request("r0-0", [fresh.deal() for _ in range(min(self.per_request, self.count))], 0)

    def _cost(self) -> str:
        return f", ${self.purse.spent:.4f} spent" if self.purse.price is not None and self.purse.spent else ""

    def _round(self, number: int, ask: Ask) -> int:
        """One round; the number of briefs asked, 0 where there is no money for any."""
        missing = self.count - len(self.harvest.kept)
        share = len(self.harvest.kept) / self._asked if self._asked else 1.0
        size = math.ceil(missing / self.per_request / max(share, _LOWEST_YIELD))
        briefs = [[self.deck.deal() for _ in range(self.per_request)] for _ in range(min(REQUESTS_A_ROUND, size))]
        requests = [self._request(f"r{number}-{i}", dealt, i) for i, dealt in enumerate(briefs)]
        chosen = self.purse.affordable(requests)
        self.deck.put_back(brief for dealt in briefs[len(chosen) :] for brief in dealt)
        if not chosen:
            return 0
        for dealt, request, completion in zip(briefs, chosen, ask(chosen), strict=False):
            if not completion.outcome.scored:
                raise EndpointError(
                    f"an answer of the teacher could not be had ({completion.outcome}: {completion.detail})\n"
                    "  what arrived is kept; run the same command again to go on"
                )
            self.purse.pay(request, completion)
            self._harvest(request.case_id, dealt, completion)
        return sum(len(dealt) for dealt in briefs[: len(chosen)])

    def _request(self, name: str, briefs: Sequence[Brief], place: int) -> Request:
        recent = self.harvest.kept[-_RECENT:]
        shown = [recent[(place * SHOWN_BACK + i) % len(recent)].pair for i in range(min(SHOWN_BACK, len(recent)))]
        return Request(name, 0, request_messages(self.system, briefs, shown))

    def _harvest(self, source: str, briefs: Sequence[Brief], completion: Completion) -> None:
        if completion.outcome in (Outcome.REFUSED, Outcome.FILTERED):
            why = Rejection("refused", completion.detail or completion.outcome.value)
            self.harvest.reject(why, source, answer=completion.text)
        served = set()
        pieces = read_reply(completion.text, len(briefs))
        for piece in pieces:
            if isinstance(piece, Unreadable):
                cut = completion.outcome is Outcome.TRUNCATED and piece is pieces[-1]
                self.harvest.reject(
                    Rejection("truncated" if cut else "unreadable", piece.why), source, answer=piece.text
                )
            elif self._keep(source, briefs[piece.brief], piece):
                served.add(piece.brief)
        told = {piece.brief for piece in pieces if isinstance(piece, Written)}
        for position, brief in enumerate(briefs):
            if position not in told and completion.outcome in (Outcome.ANSWERED, Outcome.TRUNCATED):
                self.harvest.reject(Rejection("missing", "no pair for a brief"), source)
            if position not in served and not self.deck.give_back(brief):
                self.harvest.briefs_given_up += 1

    def _keep(self, source: str, brief: Brief, written: Written) -> bool:
        found = self.verifier.examine(written.command, written.answer, brief.guarded)
        if isinstance(found, Verified):
            found = self._on_brief(brief, found)
        if isinstance(found, Verified):
            found = self.verifier.admit(found)
        if isinstance(found, Rejection):
            self.harvest.reject(found, source, written.command, list(written.answer))
            return False
        self.harvest.kept.append(Kept(found, brief.skills, brief.language, brief.manner, source))
        return True

    def _on_brief(self, brief: Brief, pair: Verified) -> Verified | Rejection:
        if pair.disposition != brief.disposition:
            return Rejection("off_brief", f"{pair.disposition} where {brief.disposition} was wanted")
        if brief.disposition == "execute" and not same_effect(pair.trace, self._right(brief)):
            return Rejection("off_brief", f"does something else than {list(brief.calls)}")
        unsaid = missing_words(brief, pair.command)
        return Rejection("off_brief", unsaid) if unsaid else pair

    def _right(self, brief: Brief) -> Trace:
        calls = check_answer(answer_text(brief.calls), self.verifier.profile, allow_guarded=brief.guarded).calls
        assert calls is not None, "plans are drawn from the profile's calls"
        return simulate(calls, infer_scene(self.verifier.scene, calls))


# The grammar marks the skills of other languages with these.
_LANGUAGES = {"es": "Spanish", "de": "German", "fr": "French", "zh": "Chinese"}


def from_grammar(examples: Iterable[Example], verifier: Verifier, count: int, harvest: Harvest) -> None:
    """Keep the first `count` examples of the grammar that pass.

    Args:
        examples: Endless.
        verifier: Decides what is kept.
        count: Examples wanted.
        harvest: Where they go.
    """
    for example in examples:
        found = verifier.check(example.command, example.answer, guarded_calls(example.skills))
        if isinstance(found, Rejection):
            harvest.reject(found, "grammar", example.command, list(example.answer))
        else:
            code, _, rest = example.skills[0].partition(".")
            language = _LANGUAGES.get(code, "English") if rest else "English"
            harvest.kept.append(Kept(found, example.skills, language))
        if len(harvest.kept) >= count:
            return
