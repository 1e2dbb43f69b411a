"""Plain rows: lm-evaluation-harness samples, chats, tables of commands and outputs, our own records.

lm-eval read and run in 0.4.13, `evaluator.py` and `loggers/evaluation_tracker.py`; the chat form is that of OpenAI's
fine-tuning files.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.foreign.found import Format, Found, Row, count_of, ids_in, reply_of, texts_in
from harness.models.outcomes import Completion
from harness.models.replies import SHARED, Reply, table, text_of

COLUMNS = ("command", "output", "id", "case_id", "sample", "model", "error", "finish_reason")


def _lm_eval(row: Row) -> Iterator[Found]:
    # `resps` is what the model wrote, a list for each request; `filtered_resps` is what a filter left of it.
    found = row.get("resps") or row.get("filtered_resps")
    flat = found if isinstance(found, list) else []
    if len(flat) == 1 and isinstance(flat[0], list):
        flat = flat[0]
    if not flat or not all(isinstance(one, str) for one in flat):
        raise ValueError("its responses are no texts: only tasks that generate can be read")
    doc = row.get("doc")
    for text in flat:
        # An empty text is what the model generated: its `doc_id` is an index, never the id of a case.
        reply = reply_of(text, None if text else "stop")
        yield Found(reply, ids_in(doc), texts_in(doc), filtered=text_of(row.get("filter")))


def _chat(row: Row) -> Iterator[Found]:
    said = row["messages"][-1]
    reply = reply_of(said.get("content"), row.get("finish_reason"), refusal=said.get("refusal"), model=row.get("model"))
    yield Found(
        reply,
        ids_in(row, row.get("metadata")),
        texts_in(row["messages"]),
        text_of(row.get("model")),
        count_of(row.get("sample")),
    )


def _is_chat(row: Row) -> bool:
    chat = row.get("messages")
    return isinstance(chat, list) and bool(chat) and table(chat[-1]).get("role") == "assistant"


def _row(row: Row) -> Iterator[Found]:
    output = row.get("output")
    if output is not None and not isinstance(output, str):
        raise ValueError("`output` must be a text")
    reply = reply_of(
        output,
        row.get("finish_reason"),
        error=row.get("error"),
        model=row.get("model"),
        usage={name: count_of(row.get(name)) for name in ("prompt_tokens", "completion_tokens")},
    )
    named = {"command": row["command"]} if text_of(row.get("command")) else {}
    sample = row.get("sample")
    if sample not in (None, "") and count_of(sample) is None:
        raise ValueError("`sample` must be an integer from 0 up")
    yield Found(reply, ids_in(row), texts_in(named), text_of(row.get("model")), count_of(sample))


def _record(row: Row) -> Iterator[Found]:
    one = Completion.from_record(row)
    yield Found(Reply(**{name: getattr(one, name) for name in SHARED}), (one.case_id,), (), one.model, one.sample)


FORMATS = (
    Format("lm-eval samples", lambda row: "doc" in row and ("resps" in row or "filtered_resps" in row), _lm_eval),
    Format("chats", _is_chat, _chat),
    Format("records of gonogo", lambda row: {"outcome", "case_id"} <= row.keys(), _record),
)
TABLE = Format("a table", lambda row: "output" in row and bool({"command", "id", "case_id"} & row.keys()), _row)
