"""promptfoo: results as JSON, JSONL and CSV; and a recording written for `promptfoo import`.

Read and run in promptfoo 0.123.1: `convertEvalResultToTableCell`, `buildCsvHeaders`, `createOutputData` of the package;
`src/types/schemas/import.ts`, `src/commands/import.ts` of the repository.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.foreign.found import Format, Found, Row, count_of, ids_in, reply_of, texts_in
from harness.models.outcomes import Completion, Outcome
from harness.models.replies import table, text_of

if TYPE_CHECKING:
    from harness.cases import Case
    from harness.score import Score

_ERROR = 2  # ResultFailureReason: 0 none, 1 an assertion, 2 an error
_CANONICAL = {Outcome.ANSWERED: "stop", Outcome.TRUNCATED: "length", Outcome.FILTERED: "content_filter"}


def _read(row: Row) -> Iterator[Found]:
    response, test, provider = table(row.get("response")), table(row.get("testCase")), table(row.get("provider"))
    output, used = response.get("output"), table(response.get("tokenUsage"))
    error = response.get("error") or (row.get("error") if row.get("failureReason") == _ERROR or not response else None)
    if isinstance(output, dict | list):
        said = "the output is no text: promptfoo parsed it; take out the transform and ask again"
        raise ValueError(said)  # noqa: TRY004  one kind of error for one kind of fault
    finish = response.get("finishReason")
    latency = row.get("latencyMs")
    reply = reply_of(
        output,
        finish,
        error=None if finish == "content_filter" else error,  # a filter's words stand there, too
        refusal=output if response.get("isRefusal") else None,
        usage={"prompt_tokens": used.get("prompt"), "completion_tokens": used.get("completion")},
        latency_s=latency / 1000 if isinstance(latency, int | float) and abs(latency) < 1e12 else None,
    )
    given = row.get("vars") or test.get("vars")
    ids = ids_in(given, test.get("metadata"), row.get("metadata"))
    noted = table(row.get("metadata"))
    yield Found(
        reply,
        ids,
        texts_in(given) or texts_in(table(row.get("prompt")).get("raw")),
        text_of(provider.get("id")) or text_of(row.get("provider")),
        count_of(noted.get("sample")) if "case_id" in noted else None,  # as `exported` writes it
        prompt=str(row.get("promptIdx", "")),
    )


_MARKS = {"promptIdx", "response", "gradingResult"}
FORMATS = (Format("promptfoo results", lambda row: "vars" in row and not _MARKS.isdisjoint(row), _read),)


def csv_results(header: Sequence[str], cells: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The results in one row of promptfoo's CSV, one a prompt, in the shape that they have in its JSON."""
    outputs = csv_outputs(header)
    given = dict(zip(header[: outputs[0]], cells, strict=False))
    for at in outputs:
        cell, status = (cells[place] if place < len(cells) else "" for place in (at, at + 1))
        provider, bracket, _ = header[at].removeprefix("[").partition("] ")
        failed = {"failureReason": _ERROR, "error": cell or "an error"} if status == "ERROR" else {}
        model = provider if bracket and header[at].startswith("[") else header[at]
        yield {"promptIdx": at, "vars": given, "provider": {"id": model}, "response": {"output": cell}, **failed}


def csv_outputs(header: Sequence[str]) -> list[int]:
    """Where the outputs stand in the header of promptfoo's CSV; empty for any other table."""
    return [at for at in range(len(header)) if tuple(header[at + 1 : at + 3]) == ("Status", "Score")]


def exported(answers: Sequence[tuple[Case, Completion, Score]], model: str, system: str) -> dict[str, Any]:
    """A recording as the file that `promptfoo import` takes, version 3 of its results; a success is a pass.

    The model is who answered; its system message is empty where it is not known.
    """
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raw = [{"role": "system", "content": system}] * bool(system) + [{"role": "user", "content": "{{command}}"}]
    prompt = {"raw": json.dumps(raw), "label": "gonogo"}
    results = []
    for number, (case, one, score) in enumerate(answers):
        given = {"command": case.command, "case_id": case.id}
        used = {"prompt": one.prompt_tokens, "completion": one.completion_tokens}
        response: dict[str, Any] = {
            "output": one.text,
            "tokenUsage": {name: count for name, count in used.items() if count is not None},
            "finishReason": one.finish_reason or _CANONICAL.get(one.outcome, "stop"),
        }
        if one.outcome is Outcome.REFUSED:
            response["isRefusal"] = True
        grade = {"pass": score.success, "score": float(score.success), "reason": score.reason or "success"}
        results.append(
            {
                "promptIdx": 0,
                "testIdx": number,
                "promptId": "gonogo",
                "prompt": prompt,
                "provider": {"id": model, "label": model},
                "vars": given,
                "testCase": {"vars": given, "metadata": {"category": case.category, "intent": case.intent}},
                "response": response,
                "success": score.success,
                "score": float(score.success),
                "failureReason": 0 if score.success else 1,
                "gradingResult": {**grade, "namedScores": {}, "tokensUsed": {}},
                "namedScores": {},
                "latencyMs": round(one.latency_s * 1000),
                "cost": 0,
                "metadata": {"case_id": case.id, "sample": one.sample},
            }
        )
    passed = sum(score.success for _, _, score in answers)
    metrics = {
        **dict.fromkeys(("testErrorCount", "assertPassCount", "assertFailCount", "cost"), 0),
        **{key: {} for key in ("tokenUsage", "namedScores", "namedScoresCount")},
        "score": passed,
        "testPassCount": passed,
        "testFailCount": len(answers) - passed,
        "totalLatencyMs": sum(round(one.latency_s * 1000) for _, one, _ in answers),
    }
    return {
        "results": {
            "version": 3,
            "timestamp": at,
            "prompts": [{**prompt, "id": "gonogo", "provider": model, "metrics": metrics}],
            "results": results,
            "stats": {"successes": passed, "failures": len(answers) - passed, "errors": 0},
        },
        "config": {"description": f"gonogo: answers of {model}"},
        "shareableUrl": None,
        "metadata": {"exportedAt": at, "evaluationCreatedAt": at},
        "vars": ["command", "case_id"],
    }
