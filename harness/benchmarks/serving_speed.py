"""Answers of the embedded model: its system message kept from one to the next, beside reading all of it each time.

Run: python -m harness.benchmarks.serving_speed [--commands 12] [--rounds 2] [--prompt card] [--max-tokens 64]

Both ask the tuned model the same commands in the same process, in turns. For the second, the baseline, the system
message begins with another number each time, so that nothing of it can be kept. The figure is the ratio of their times.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import openai

from harness.models.embedded import serve
from harness.pack import PROMPTS, load_pack, system_message


def main() -> None:
    """Time both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--commands", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--prompt", choices=PROMPTS, default="card")
    parser.add_argument("--max-tokens", type=int, default=64)
    args = parser.parse_args()
    pack = load_pack("go2")
    system = system_message(pack, args.prompt)
    commands = [case.command for case in pack.cases()[: args.commands]]
    kept = read = 0.0
    with (
        serve({"go2": pack.adapters["go2"]}) as served,
        openai.OpenAI(base_url=served.base_url, api_key="unused", max_retries=0, timeout=600) as client,
    ):

        def ask(number: int, command: str) -> None:
            client.chat.completions.create(
                model=served.models[1],
                messages=[
                    {"role": "system", "content": f"{number:04d}. {system}"},
                    {"role": "user", "content": command},
                ],
                temperature=0,
                max_tokens=args.max_tokens,
            )

        ask(0, commands[0])  # warms up
        for round_ in range(1, args.rounds + 1):
            first = round_ * len(commands)
            read += _timed(ask, range(first, first + len(commands)), commands)
            kept += _timed(ask, [0] * len(commands), commands)
    answers = args.rounds * len(commands)
    print(
        f"system message ({args.prompt}) kept: {kept / answers:.2f} s an answer; read each time: {read / answers:.2f}"
    )
    print(f"kept: {kept / read:.2f} of the time")


def _timed(ask: Callable[[int, str], None], numbers: Sequence[int], commands: Sequence[str]) -> float:
    started = time.perf_counter()
    for number, command in zip(numbers, commands, strict=True):
        ask(number, command)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
