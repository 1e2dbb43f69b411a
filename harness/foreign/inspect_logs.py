"""inspect_ai: samples of `.eval` and `.json` logs; and a recording written as a `.json` log.

Read and run in inspect_ai 0.3.285: `log/_log.py` (EvalSample), `model/_model_output.py` and `log/_recorders/eval.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.foreign.found import Format, Found, Row, count_of, ids_in, reply_of, texts_in
from harness.models.outcomes import Completion, Outcome
from harness.models.replies import table, text_of

if TYPE_CHECKING:
    from harness.cases import Case
    from harness.score import Score

_CANONICAL = {Outcome.ANSWERED: "stop", Outcome.TRUNCATED: "max_tokens", Outcome.FILTERED: "content_filter"}
_STOPS = frozenset({"stop", "max_tokens", "model_length", "tool_calls", "content_filter", "unknown"})  # StopReason
_OUTCOME = "gonogo_outcome"  # in a sample's metadata: inspect knows no refusal


def _read(row: Row) -> Iterator[Found]:
    output, noted = table(row.get("output")), table(row.get("metadata"))
    choices = output.get("choices")
    choice = table(choices[0]) if isinstance(choices, list) and choices else {}
    message, used = table(choice.get("message")), table(output.get("usage"))
    error = table(row.get("error")).get("message") or row.get("error") or output.get("error")
    if not error and not choice:
        error = f"no choice in the output; limit: {table(row.get('limit')).get('type', 'none')}"
    content = message.get("content")
    kept = table(row.get("attachments"))
    if isinstance(content, str) and content.startswith("attachment://"):
        content = kept.get(content.removeprefix("attachment://"))
    epoch = count_of(row.get("epoch"))
    yield Found(
        reply_of(
            content,
            choice.get("stop_reason"),
            error=error,
            refusal=content if noted.get(_OUTCOME) == Outcome.REFUSED else None,
            model=output.get("model"),
            usage={
                "prompt_tokens": used.get("input_tokens"),
                "completion_tokens": used.get("output_tokens"),
                "completion_tokens_details": {"reasoning_tokens": used.get("reasoning_tokens")},
            },
            latency_s=output.get("time"),
        ),
        ids_in(row, noted),
        (*texts_in(row.get("input")), *texts_in(noted)),
        text_of(output.get("model")),
        None if not epoch else epoch - 1,
    )


FORMATS = (Format("inspect samples", lambda row: {"epoch", "input", "output"} <= row.keys(), _read),)


def exported(answers: Sequence[tuple[Case, Completion, Score]], model: str, system: str) -> dict[str, Any]:
    """A recording as the `.json` log that `inspect view` and `read_eval_log` read; a success is `C`, else `I`.

    The model is who answered; its system message is empty where it is not known.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    samples = []
    for case, one, score in answers:
        asked = [{"role": "system", "content": system}] * bool(system) + [{"role": "user", "content": case.command}]
        said = {"role": "assistant", "content": one.text, "source": "generate", "model": model}
        used = None
        if one.prompt_tokens is not None and one.completion_tokens is not None:
            total = one.prompt_tokens + one.completion_tokens
            used = {"input_tokens": one.prompt_tokens, "output_tokens": one.completion_tokens, "total_tokens": total}
            if one.reasoning_tokens is not None:
                used["reasoning_tokens"] = one.reasoning_tokens
        stop = one.finish_reason if one.finish_reason in _STOPS - {"unknown"} else _CANONICAL.get(one.outcome, "stop")
        grade = {"value": "C" if score.success else "I", "answer": one.text, "explanation": score.reason or "success"}
        samples.append(
            {
                "id": case.id,
                "epoch": one.sample + 1,
                "input": case.command,
                "target": [str(list(reference)) for reference in case.references],
                "messages": [*asked, said],
                "output": {
                    "model": one.served_model or model,
                    "choices": [{"message": said, "stop_reason": stop}],
                    "completion": one.text,
                    "usage": used,
                    "time": one.latency_s or None,
                },
                "scores": {"success": grade},
                "metadata": {"category": case.category, "intent": case.intent, _OUTCOME: one.outcome.value},
                "store": {},
                "events": [],
                "model_usage": {},
                "attachments": {},
            }
        )
    passed = sum(score.success for _, _, score in answers)
    share = {"accuracy": {"name": "accuracy", "value": passed / max(len(answers), 1), "params": {}}}
    names = {"eval_id": "gonogo", "run_id": "gonogo", "task_id": "gonogo"}
    return {
        "version": 2,
        "status": "success",
        "eval": {
            **names,
            "created": at,
            "task": "gonogo",
            "dataset": {"name": "gonogo", "samples": len({case.id for case, _, _ in answers})},
            "model": model,
            "config": {"epochs": max((one.sample + 1 for _, one, _ in answers), default=1)},
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(answers),
            "completed_samples": len(answers),
            "scores": [{"name": "success", "scorer": "success", "params": {}, "metrics": share}],
        },
        "stats": {"started_at": at, "completed_at": at, "model_usage": {}},
        "samples": samples,
    }
