"""Asks a model for training examples, round after round, by briefs: calls that the answer needs, manner, language.

Briefs are dealt evenly from the pack's profile; one whose example was rejected is dealt again, so that the spread is
that of what is kept. A round is made from the seed and from what earlier rounds brought, and every reply is in the
journal: a run that was cut off repeats its rounds from there, pays for nothing twice, and goes on. A reply is hostile
text: parsed with bounds, never run.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from harness.ask.collect import collect
from harness.ask.progress import ProgressBar
from harness.config import Settings
from harness.errors import EndpointError, InputError
from harness.models.connect import connect
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Decoding, Request
from harness.models.specs import OPENAI_KEY, ModelSpec, arm_of, parse_spec
from harness.pack import Pack, messages
from harness.prices import Budget, cost_of, load_price, rough_tokens
from harness.training.briefs import MANNERS, Brief, briefs, teacher_system
from harness.training.console import confirm_cost, show, tell
from harness.training.verify import Example, Rejection, Verified, Verifier

PER_REQUEST = 5  # examples asked for at once
MOST_TOKENS = 600 * PER_REQUEST  # of one reply
USUAL_TOKENS = 220  # of a reply for each example, of which the answers are the larger part; for estimates
USUAL_YIELD = 0.7  # share of pairs that pass; for estimates
SHOWN_BACK = 6  # accepted examples in a request, however many there are
REQUESTS_A_ROUND = 64  # enough to keep an endpoint busy, few enough that later ones see what was accepted
GIVE_UP_AFTER = 60  # briefs in a row of rounds of which hardly any (`HARDLY_ANY`) brought an example
HARDLY_ANY = 0.05
TRIES = 2  # times that a brief is dealt again
LONGEST_REPLY = 60_000  # characters read; a right reply has a tenth of it
MOST_OBJECTS = 64  # read of one reply
_Ask = Callable[[Sequence[Request]], Sequence[Completion]]


def run_teacher(  # noqa: PLR0917  what asking is made of
    args: argparse.Namespace, pack: Pack, settings: Settings, verifier: Verifier, folder: Path, count: int
) -> tuple[dict[str, Any], str]:
    """Price, confirm and ask; or, for `--dry-run`, show the first request and the price.

    Returns what the manifest says of the asking, and why it ended short of the count, empty if it did not.
    """
    spec = _spec(args.teacher or settings.data_model, settings, pack, dry_run=args.dry_run)
    price = load_price(spec, args.prices)
    if args.max_usd is not None and price is None and not args.dry_run:
        what = f"--max-usd cannot be held: no price of {spec.text} is known"
        raise InputError(what, hint="add it to a price file: --prices FILE")
    temperature = settings.temperature if args.temperature is None else args.temperature
    decoding = Decoding(temperature, args.max_tokens or MOST_TOKENS, args.seed)
    budget = Budget(price, args.max_usd, args.max_tokens or MOST_TOKENS)
    system, new = teacher_system(pack, verifier), briefs(verifier, args.seed)
    first = _request("r0-0", system, [next(new) for _ in range(PER_REQUEST)], [])
    asked = math.ceil(count / PER_REQUEST / USUAL_YIELD)
    prompt = asked * rough_tokens([message["content"] for message in first.messages])
    completion = asked * PER_REQUEST * USUAL_TOKENS
    cost = "price unknown"
    if price is not None:
        usd = cost_of(price, prompt, completion)
        cost = f"about ${usd:.2f}" + (f" (price read {price.read})" if usd else "")
    told = f"{spec.text}: about {asked:,} requests, {prompt:,} tokens in, {completion:,} out: {cost}"
    if args.dry_run:
        for message in first.messages:
            show(f"--- {message['role']}\n{message['content']}")
        show(f"---\n{told}\nnothing was asked and nothing written (--dry-run)")
        return {}, ""
    if args.max_usd:
        told += f"\nat most ${args.max_usd:.2f} is spent, earlier runs into {folder} included"
    confirm_cost(told, free=spec.kind == "local", yes=args.yes)
    journal, way = folder / "answers.jsonl", partial(connect, settings=settings)
    ask = partial(collect, spec=spec, decoding=decoding, journal=journal, connect=way, progress=ProgressBar())
    short = _ask_in_rounds(ask, system, verifier, budget, args.seed, count)
    return {
        "teacher": spec.text,
        "decoding": decoding.to_record(),
        "prompt_tokens": budget.prompt_tokens,
        "completion_tokens": budget.completion_tokens,
        "cost_usd": round(budget.spent, 6) if price else None,
        "price_read": price.read if price else None,
    }, short


def _spec(teacher: str, settings: Settings, pack: Pack, *, dry_run: bool) -> ModelSpec:
    if dry_run:  # a placeholder for every key: nobody is asked
        names = [OPENAI_KEY, *(entry.api_key_env for entry in settings.endpoints.values() if entry.api_key_env)]
        settings = replace(settings, _environment=dict.fromkeys(names, "dry-run"))
    try:
        spec = parse_spec(arm_of(teacher, settings).model, settings, pack.adapters)
    except InputError as error:
        own = "\n  or use --teacher pack, which needs no model and no key" if pack.teacher else ""
        raise InputError(f"{error}{own}") from None
    if spec.path is not None:
        raise InputError(f"{spec.text} is a recording: it cannot be asked", hint="name a model instead")
    return spec


def _ask_in_rounds(  # noqa: PLR0917  what asking is made of
    ask: _Ask, system: str, verifier: Verifier, budget: Budget, seed: int, count: int
) -> str:
    """Ask until enough examples are kept; why it ended short of the count, empty if it did not."""
    kept, new, again = verifier.kept, briefs(verifier, seed), deque[Brief]()
    in_vain = number = 0
    while (before := len(kept)) < count:
        size = min(REQUESTS_A_ROUND, math.ceil((count - before) / PER_REQUEST))
        dealt = [[again.popleft() if again else next(new) for _ in range(PER_REQUEST)] for _ in range(size)]
        recent = kept[-40 * SHOWN_BACK :]
        requests = []
        for place, wanted in enumerate(dealt):
            shown = [recent[(place * SHOWN_BACK + i) % len(recent)] for i in range(min(SHOWN_BACK, len(recent)))]
            requests.append(_request(f"r{number}-{place}", system, wanted, shown))
        chosen = budget.affordable(requests)
        if not chosen:
            return "the spending cap is reached"
        for wanted, request, completion in zip(dealt, chosen, ask(chosen), strict=False):
            if not completion.outcome.scored:
                raise EndpointError(
                    f"an answer of the teacher could not be had ({completion.outcome}: {completion.detail})\n"
                    "  what arrived is kept; run the same command again to go on"
                )
            budget.pay(request, completion)
            again += _keep(verifier, request.case_id, wanted, completion)
        spent = f", ${budget.spent:.4f} spent" if budget.spent else ""
        number += 1
        tell(f"round {number}: {len(kept)} of {count} examples kept{spent}")
        this_time = len(chosen) * PER_REQUEST
        in_vain = in_vain + this_time if len(kept) - before < HARDLY_ANY * this_time else 0
        if in_vain >= GIVE_UP_AFTER:
            return f"the teacher's last {in_vain} answers brought next to nothing that passes"
    del kept[count:]
    return ""


def _request(name: str, system: str, wanted: Sequence[Brief], shown: Sequence[Verified]) -> Request:
    pairs = [json.dumps({"command": p.example.command, "answer": p.answer}, ensure_ascii=False) for p in shown]
    lines = ["Examples accepted so far, to differ from:", *pairs, ""] if pairs else []
    lines += [f"Brief {n}: {brief.told()}" for n, brief in enumerate(wanted, start=1)]
    return Request(name, 0, messages(system, "\n".join(lines)))


def _keep(verifier: Verifier, source: str, wanted: Sequence[Brief], completion: Completion) -> list[Brief]:
    """Keep or reject what a reply holds; the briefs that it did not serve, to be dealt again."""
    reject, outcome = verifier.reject, completion.outcome
    if outcome in (Outcome.REFUSED, Outcome.FILTERED):
        reject(Rejection("refused", completion.detail or outcome.value), source, answer=completion.text)
    served, mentioned = set(), set()
    pieces = read_reply(completion.text)
    for piece in pieces:
        if isinstance(piece, tuple):
            cut = outcome is Outcome.TRUNCATED and piece is pieces[-1]
            reject(Rejection("truncated" if cut else "unreadable", piece[1]), source, answer=piece[0])
            continue
        if piece.brief > len(wanted):
            reject(Rejection("unreadable", f"there is no brief {piece.brief}"), source, piece.command, piece.answer)
            continue
        mentioned.add(piece.brief)
        brief = wanted[piece.brief - 1]
        guarded = frozenset(path for path in brief.calls if verifier.profile.by_path[path].tier == "guarded")
        example = Example(piece.command, tuple(piece.answer), brief.calls, brief.language, guarded)
        if isinstance(verifier.check(example, source, brief.unmet), Verified):
            served.add(piece.brief)
    if outcome in (Outcome.ANSWERED, Outcome.TRUNCATED):
        for _ in range(len(wanted) - len(mentioned)):
            reject(Rejection("missing", "no pair for a brief"), source)
    return [
        # In another manner: perhaps the last one was the trouble.
        replace(brief, tries=brief.tries + 1, manner=MANNERS[(MANNERS.index(brief.manner) + 1) % len(MANNERS)])
        for number, brief in enumerate(wanted, start=1)
        if number not in served and brief.tries < TRIES
    ]


class Pair(BaseModel):
    """One pair as the teacher wrote it; briefs are counted from 1."""

    model_config = ConfigDict(strict=True)

    brief: PositiveInt
    command: str
    answer: Annotated[list[str], Field(max_length=60)]  # calls


def read_reply(text: str) -> list[Pair | tuple[str, str]]:
    """Every pair of a reply, and every piece that is none with the reason, bounded in number."""
    decoder, text, found = json.JSONDecoder(), text[:LONGEST_REPLY], list[Pair | tuple[str, str]]()
    at = text.find("{")
    while at >= 0 and len(found) < MOST_OBJECTS:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        try:
            value, end = decoder.raw_decode(text, at)
            found.append(Pair.model_validate(value))
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            found.append((text[at:end][:2000], f"{wrong['loc']}: {wrong['msg']}"))
        except (ValueError, RecursionError) as error:
            why = "cut off" if end == len(text) else "not JSON"
            found.append((text[at:end][:2000], f"{why} ({type(error).__name__})"))
        at = text.find("{", end)
    return found
