"""How often the gate errs, on made-up models whose true rates are known: the tables that the default policy is from.

    python -m harness.benchmarks.error_rates --help                       which tables there are
    python -m harness.benchmarks.error_rates margins looks --rounds 200   these

All is by the shipped policy on the go2 pack's held-out commands, with the success floor off at a base of 0.5. Figures
are percent of `--rounds`; their standard error is at most 50 / sqrt(rounds), at 5% less than half of that.
"""

from __future__ import annotations

import argparse
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from harness.gate.early_stop import decide_early
from harness.gate.rules import category_rule, primary_rule
from harness.gate.simulate import Chances, Truth, answers, chances
from harness.gate.verdict import Status
from harness.pack import load_pack
from harness.plan import times_as_many
from harness.statistics.clusters import Clusters, Floats, by_cluster
from harness.statistics.paired import Pairs, difference, pair_up
from harness.statistics.rates import clustered_bounds, effective_bounds
from harness.tests.gate_rows import NOW, cases_of, draw, grid, hand_out, policy

ALPHA, LOSS = 0.05, 0.05
# As a share of what two models with unrelated failures would have: they tend to fail on the same commands.
DISCORDANCE = {"low": 0.25, "typical": 0.5, "high": 0.9}
PACK = load_pack("go2").cases()
Rows = Iterator[Sequence[object]]


def _truth(base: float, change: float = 0.0, discordance: str = "typical") -> Truth:
    return Truth(base, change, DISCORDANCE[discordance] * 2 * base * (1 - base))


def _verdicts(found: Chances) -> Sequence[object]:
    worst = next((f"{rule} {100 * share:.0f}" for rule, share in found.costs.items()), "")
    return *(100 * share for share in (found.go, found.no_go, found.inconclusive)), worst


def gates(rounds: int) -> Rows:
    """Verdicts of whole gates: 5 points lost, and equal candidates."""
    yield "base", "discordance", "change", "GO", "NO-GO", "INCONCLUSIVE", "most in the way"
    for base, name, change in product((0.5, 0.8, 0.95, 0.99), DISCORDANCE, (-LOSS, 0.0)):
        if change or name == "typical":
            # Below the success floor nothing could pass.
            rules = policy() if base > policy().floors["success"] else policy(floors={"success": 0.0})
            found = chances(PACK, _truth(base, change, name), rules, rounds)
            yield str(base), name, 100 * change, *_verdicts(found)


def evidence(rounds: int) -> Rows:
    """Verdicts at a loss of 4 points, within the margin, with 1 to 30 times the intents."""
    yield "times the intents", "gates", "GO", "NO-GO", "INCONCLUSIVE", "most in the way"
    for times in (1, 3, 10, 30):
        found = chances(times_as_many(PACK, times), _truth(0.8, -0.04), policy(), -(-rounds // min(times, 5)))
        yield times, found.rounds, *_verdicts(found)


def categories(rounds: int) -> Rows:
    """How often primary and category rule both pass; the others always do in these gates."""
    commands = Counter(case.category for case in PACK)
    smallest = min(commands, key=lambda name: commands[name])
    yield "base", "alpha", "margin", "equal", f"20 points lost in {smallest}", "30"
    rules = ((0.10, 0.20), (0.17, 0.20), (0.20, 0.20), (0.17, 0.15), (0.17, 0.25))
    for base, (alpha, margin) in product((0.5, 0.8), rules):
        own, shares = policy(categories={"alpha": alpha, "margin": margin}), []
        for change in (0.0, -0.2, -0.3):
            drawn = answers(PACK, replace(_truth(base), categories={smallest: change}), rounds)
            pairs = ([*zip(old.scores, new.scores, strict=True)] for old, new in drawn)
            met = ({rule.status for rule in (primary_rule(one, own, ALPHA), category_rule(one, own))} for one in pairs)
            shares.append(100 * sum(statuses == {Status.PASS} for statuses in met) / rounds)
        yield str(base), str(alpha), str(margin), *shares


def margins(rounds: int) -> Rows:
    """How often a true loss passes the primary rule, base 0.8; with a wider margin, the drift rule."""
    judged = [(margin, ALPHA) for margin in (0.03, 0.05, 0.08, 0.10, 0.15)] + [(0.05, 0.01), (0.05, 0.10)]
    yield "points lost", *(f"{margin:.2f}" + f" at alpha {alpha}" * (alpha != ALPHA) for margin, alpha in judged)
    for lost in (0.0, 0.02, 0.04, 0.05, 0.08, 0.10):
        passed: Counter[tuple[float, float]] = Counter()
        for old, new in answers(PACK, _truth(0.8, -lost), rounds):
            before, after = ([score.success for score in side.scores] for side in (old, new))
            pairs = pair_up(before, after, [score.intent for score in old.scores])
            lower = {alpha: difference(pairs, alpha).lower for alpha in (0.01, ALPHA, 0.10)}
            passed.update((margin, alpha) for margin, alpha in judged if lower[alpha] > -margin)
        yield 100 * lost, *(100 * passed[one] / rounds for one in judged)


def looks(rounds: int) -> Rows:
    """How often the primary rule has passed after 1, 2, 3 looks at twice the intents; at 1 each has all of alpha."""
    firsts, sizes, rules = (1.0, 0.5, 0.8, 0.9), (327, 654, 1308), policy()
    yield "gained, lost", *(f"first = {first}" for first in firsts)
    for gained, lost in ((0.0, LOSS), (0.05, 0.05 + LOSS), (0.15, 0.15 + LOSS), (0.08, 0.08)):
        rng = np.random.default_rng(5)
        drawn = [draw(rng, (sizes[-1], 3), gained, lost, 0.45) for _ in range(rounds)]
        cells = []
        for first in firsts:
            alphas = [rules.alpha * (first * (1 - first) ** k if first < 1 else 1) for k in range(len(sizes))]
            cells.append(", ".join(f"{100 * share:.1f}" for share in passed(drawn, sizes, alphas, rules.primary.limit)))
        yield f"{100 * gained:.0f}%, {100 * lost:.0f}%", *cells


def passed(
    drawn: Sequence[tuple[Floats, Floats]], sizes: Sequence[int], alphas: Sequence[float], limit: float
) -> list[float]:
    """Share of candidates, by gained and lost items, that have passed after each look; none that failed looks again."""
    shares, so_far, going = [], 0, list(range(len(drawn)))
    for size, alpha in zip(sizes, alphas, strict=True):
        bounds = {k: difference(pairs_of(*(side[:size] for side in drawn[k])), alpha) for k in going}
        so_far += sum(one.lower > limit for one in bounds.values())
        going = [k for k, one in bounds.items() if one.lower <= limit <= one.upper]
        shares.append(so_far / len(drawn))
    return shares


def floors(rounds: int) -> Rows:
    """How often a floor passes that the true rate just meets, or exceeds by 2 or 4 points, by how alike answers are."""
    above = ((0.0, 0.3), (0.0, 0.45), (0.0, 0.6), (0.0, 0.7), (0.02, 0.45), (0.04, 0.45))
    yield "intents x commands", "floor", *(f"+{100 * points:.0f}, alike {likeness}" for points, likeness in above)
    for shape, floor in product(((45, 5), (100, 5), (634, 2)), (0.60, 0.85, 0.95)):
        wrong = (floor_passes(shape, floor, alike, 10 * rounds, floor + points) for points, alike in above)
        yield f"{shape[0]} x {shape[1]}", str(floor), *(10 * count / rounds for count in wrong)


def floor_passes(shape: tuple[int, int], floor: float, likeness: float, rounds: int, rate: float = 0.0) -> int:
    """In how many rounds a floor passes that the true rate only just meets, or of another true rate."""
    rng, true, spread = np.random.default_rng(shape[0] * 100 + shape[1]), rate or floor, 1 / likeness - 1
    rates = rng.beta(true * spread, (1 - true) * spread, size=(rounds, shape[0]))
    sizes = np.full(shape[0], float(shape[1]))
    drawn = rng.binomial(shape[1], rates).astype(np.float64)
    # The gate's bound is never above the exact one, so only rounds where that passes are looked at in full.
    totals = range(shape[0] * shape[1] + 1)
    least = bisect_left(totals, floor, key=lambda total: effective_bounds(Clusters(np.array([total]), sizes), ALPHA)[0])
    return sum(clustered_bounds(Clusters(sums, sizes), ALPHA)[0] >= floor for sums in drawn if sums.sum() >= least)


def safety(_: int) -> Rows:
    """Bounds of unsafe executions, and how often one in 1,000 answers ends in NO-GO where any sample counts; exact."""
    yield "intents, commands of each", "bound with none", "with 1", "NO-GO, 1 sample", "3 samples", "5 samples"
    for intents, commands in ((30, 1), (59, 1), (59, 3), (150, 3), (300, 3)):
        number, labels = intents * commands, np.repeat(np.arange(intents), commands).tolist()
        values = ([1.0] * unsafe + [0.0] * (number - unsafe) for unsafe in (0, 1))
        bounds = [clustered_bounds(by_cluster(one, labels), ALPHA)[1] for one in values]
        found = [1 - 0.999 ** (number * samples) for samples in (1, 3, 5)]
        yield f"{intents}, {commands}", *(100 * share for share in (*bounds, *found))


def early(rounds: int) -> Rows:
    """`--early-stop` in a fourth of the rounds: verdicts, and the share of the answers that it asks."""
    yield "base", "discordance", "change", "but", "GO", "NO-GO", "asked"
    rows = [(0.95, name, change, "", 0.0) for change in (-LOSS, 0.0) for name in DISCORDANCE]
    rows += [(0.8, "typical", change, "", 0.0) for change in (-LOSS, 0.0, -0.25)]
    for key, value in (("alpha", 0.01), ("alpha", 0.03), ("category_intents", 8), ("category_intents", 30)):
        rows += [(0.95, "typical", 0.0, key, value), (0.95, "high", -LOSS, key, value)]
    for base, name, change, key, value in rows:
        rules, told, count = policy(early_stop={key: value} if key else {}), Counter[str](), -(-rounds // 4)
        for old, new in answers(PACK, _truth(base, change, name), count):
            decision = decide_early(PACK, hand_out(old, new)[0], rules, NOW, lambda _: None)
            told.update({decision.verdict.value: 1, "asked": decision.early.asked})
        shares = (100 * told["GO"] / count, 100 * told["NO-GO"] / count, 50 * told["asked"] / count / len(PACK))
        yield str(base), name, 100 * change, key and f"{key} {value:g}", *shares


def advice(rounds: int) -> Rows:
    """What became of following "N more intents"; the truth is anything from ten points lost to five gained."""
    yield "asked for no number", "settled as said", "otherwise"
    yield [*map(advice_followed(rounds).__getitem__, ("none", "as said", "otherwise"))]


def advice_followed(rounds: int, intents: int = 60) -> Counter[str]:
    """What became of undecided primary rules whose "N more intents" was followed, with new draws of the same truth."""
    rng, told, rules = np.random.default_rng(0), Counter[str](), policy()
    for k in range(rounds):
        truth = _truth(0.8, rng.uniform(-0.1, 0.05))
        asked = next(answers(cases_of(grid(intents, declines=0)), truth, 1, 2 * k))
        pairs = [*zip(*(side.scores for side in asked), strict=True)]
        rule = primary_rule(pairs, rules, rules.alpha)
        if (wanted := re.match(r"about ([\d,]+) more .* that it (pass|fail)es", rule.needs)) is None:
            told["none"] += rule.status is Status.UNDECIDED
            continue
        more = cases_of(grid(intents + int(wanted[1].replace(",", "")), declines=0))[3 * intents :]
        asked = next(answers(more, truth, 1, 2 * k + 1))
        pairs += zip(*(side.scores for side in asked), strict=True)
        settled = primary_rule(pairs, rules, rules.alpha).status
        told["as said" if settled.value == wanted[2] else "otherwise"] += 1
    return told


def pairs_of(gained: Floats, lost: Floats) -> Pairs:
    """(intents, items) indicators as the statistics take them."""
    change = gained - lost
    sizes = np.full(len(change), float(change.shape[1]))
    return Pairs(Clusters(change.sum(axis=1), sizes), int(gained.sum()), int(lost.sum()))


TABLES = (gates, evidence, categories, margins, looks, floors, safety, early, advice)


def main() -> int:
    """Print the tables."""
    told = "\n".join(f"  {table.__name__:12}{table.__doc__}" for table in TABLES)
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"tables:\n{told}", formatter_class=raw)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="all by default")
    parser.add_argument("--rounds", type=int, default=200)
    args = parser.parse_args()
    for table in TABLES:
        if not args.tables or table.__name__ in args.tables:
            print(f"\n{table.__name__}: {table.__doc__}\n")
            for n, row in enumerate(table(args.rounds)):
                cells = " | ".join(f"{one:.1f}" if isinstance(one, float) else str(one) for one in row)
                print(f"| {cells} |" + ("\n" + "|---" * len(row) + "|") * (n == 0), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
