"""OpenAI's own files: batch output, items of hosted evaluations, stored completions.

Read in the types of openai-python 3.57.0 (`evals/runs/output_item_list_response.py`, `chat/chat_completion.py`,
`responses/response.py`) and in the batch guide, 2026-11-22. The API of hosted evaluations ends on 2026-11-30.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.foreign.found import Format, Found, Row, ids_in, reply_of, texts_in
from harness.models.replies import read_body, read_result, table, text_of


def asked_in(row: Row) -> tuple[str, ...]:
    """What may be the command of a request: in a row of a batch's input, or where a tool put it beside the answer."""
    request = table(row.get("request"))
    holders = (row, table(row.get("body")), request, table(request.get("body")))
    found = (holder.get("messages") or holder.get("input") for holder in holders)
    return next((texts_in(asked) for asked in found if asked), ())


def _batch(row: Row) -> Iterator[Found]:
    body = table(table(row.get("response")).get("body"))
    choices = body.get("choices")
    several = choices if isinstance(choices, list) and len(choices) > 1 else []
    for reply in [read_body({**body, "choices": [one]}) for one in several] or [read_result(row)]:
        yield Found(reply, (text_of(row["custom_id"]),), asked_in(row), reply.served_model or "")


def _output_item(row: Row) -> Iterator[Found]:
    item, sample = row["datasource_item"], table(row.get("sample"))
    said = [table(one) for one in sample.get("output") or () if table(one).get("role") in ("assistant", None)]
    error = sample.get("error")
    failed = any(table(error).values()) or not (said or sample.get("finish_reason"))
    error = (error or f"the item's status is {row.get('status')!r}") if failed else None
    reply = reply_of(
        said[-1].get("content") if said else None,
        sample.get("finish_reason"),
        error=error,
        model=sample.get("model"),
        usage=sample.get("usage"),
    )
    nested = table(table(item).get("item"))
    ids = ids_in(item, nested, table(item).get("metadata"), nested.get("metadata"))
    texts = texts_in(item) if "command" in table(item) else (*texts_in(sample.get("input")), *texts_in(item))
    yield Found(reply, ids, texts, text_of(sample.get("model")))


def _completion(row: Row) -> Iterator[Found]:
    asked = row.get("messages") or row.get("input") or table(row.get("request")).get("messages")
    texts = texts_in(asked) or texts_in(row.get("metadata"))
    # The id of a completion is its own, never that of a case.
    ids = ids_in(row.get("metadata"), {"custom_id": row.get("custom_id")})
    for choice in row["choices"] or [None]:  # several where `n` was more than 1: the case's samples
        reply = read_body({**row, "choices": [choice]})
        yield Found(reply, ids, texts, reply.served_model or "")


def _response(row: Row) -> Iterator[Found]:
    reply, noted = read_body(row), row.get("metadata")
    yield Found(reply, ids_in(noted), texts_in(row.get("input") or noted), reply.served_model or "")


REQUESTS = Format("OpenAI batch input", lambda row: "custom_id" in row and "body" in row, lambda _: iter(()))
FORMATS = (
    Format("OpenAI batch output", lambda row: "custom_id" in row and ("response" in row or "error" in row), _batch),
    REQUESTS,
    Format(
        "hosted evaluation output items",
        lambda row: "datasource_item" in row and ("sample" in row or row.get("object") == "eval.run.output_item"),
        _output_item,
    ),
    Format(
        "stored chat completions",
        lambda row: isinstance(row.get("choices"), list) and row.get("object", "chat.completion") == "chat.completion",
        _completion,
    ),
    Format("stored responses", lambda row: row.get("object") == "response" and "output" in row, _response),
)
