"""Small files as other tools write them: three commands, two answers to the first, one cut off, one not heard."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

COMMANDS = {"c-1": "Go to the dock.", "c-2": "Sit down, please.", "c-3": "Say hello."}
FIRST, SECOND, CUT = '["self.dock()"]', "no list", '["self.si'
SYSTEM = {"role": "system", "content": "You steer a robot."}
MODEL = "gpt-4.1-2025-04-14"
# Case, text, finish reason, what went wrong.
ROWS: tuple[tuple[str, str, str, str], ...] = (
    ("c-1", FIRST, "stop", ""),
    ("c-2", CUT, "length", ""),
    ("c-3", "", "", "connection reset"),
    ("c-1", SECOND, "stop", ""),
)


def asked(case_id: str) -> list[dict[str, str]]:
    """The messages of a request."""
    return [SYSTEM, {"role": "user", "content": COMMANDS[case_id]}]


def lines(rows: Sequence[object]) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def body(text: str, finish: str, **more: Any) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1738960610,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        **more,
    }


def batch() -> bytes:
    """OpenAI batch output."""
    return lines(
        [
            {
                "id": "batch_req_1",
                "custom_id": case_id,
                "response": None if wrong else {"status_code": 200, "request_id": "r", "body": body(text, finish)},
                "error": {"code": "server_error", "message": wrong} if wrong else None,
            }
            for case_id, text, finish, wrong in ROWS
        ]
    )


def output_items() -> list[dict[str, Any]]:
    """Items of a hosted evaluation."""
    return [
        {
            "object": "eval.run.output_item",
            "id": "outputitem_1",
            "datasource_item_id": number,
            "datasource_item": {"question": COMMANDS[case_id], "expected": "[]"},
            "status": "error" if wrong else "pass",
            "results": [{"name": "grader", "passed": False, "score": 0.0}],
            "sample": {
                "input": asked(case_id),
                "output": [] if wrong else [{"role": "assistant", "content": text}],
                "finish_reason": finish,
                "model": MODEL,
                "usage": {"total_tokens": 10, "completion_tokens": 3, "prompt_tokens": 7, "cached_tokens": 0},
                "error": {"code": "server_error", "message": wrong} if wrong else None,
            },
        }
        for number, (case_id, text, finish, wrong) in enumerate(ROWS)
    ]


def stored() -> list[dict[str, Any]]:
    """Stored completions with their messages."""
    return [
        body(text, "" if wrong else finish, metadata={"suite": "old"}, messages=asked(case_id))
        for case_id, text, finish, wrong in ROWS
    ]


def promptfoo(version: int = 3) -> dict[str, Any]:
    """Results of promptfoo."""
    results = [
        {
            "promptIdx": 0,
            "testIdx": number,
            "prompt": {"raw": "x", "label": "x"},
            "provider": {"id": f"openai:{MODEL}", "label": ""},
            "vars": {"request": COMMANDS[case_id], "id": case_id},
            "response": {"error": wrong}
            if wrong
            else {"output": text, "tokenUsage": {"total": 10, "prompt": 7, "completion": 3}, "finishReason": finish},
            "error": wrong or "Expected output to contain x",
            "failureReason": 2 if wrong else 1,
            "success": False,
            "score": 0,
            "latencyMs": 1500,
        }
        for number, (case_id, text, finish, wrong) in enumerate(ROWS)
    ]
    return {"evalId": "eval-1", "results": {"version": version, "prompts": [], "results": results}, "config": {}}


def promptfoo_csv() -> bytes:
    """Its CSV, which knows of an error but not how a model ended."""
    out = io.StringIO()
    writer = csv.writer(out)
    columns = ["Status", "Score", "Named Scores", "Grader Reason", "Comment"]
    writer.writerow(["Description", "request", f"[openai:{MODEL}] a prompt", *columns])
    for case_id, text, _, wrong in ROWS:
        writer.writerow(["", COMMANDS[case_id], wrong or text, "ERROR" if wrong else "FAIL", "0.00", "{}", "", ""])
    return out.getvalue().encode()


def inspect_samples() -> list[dict[str, Any]]:
    """Samples of an inspect log; the second answer to a case is its second epoch."""
    stops = {"stop": "stop", "length": "max_tokens"}
    return [
        {
            "id": case_id if case_id != "c-2" else number,
            "epoch": 1 + (number == 3),
            "input": COMMANDS[case_id],
            "target": "",
            "messages": asked(case_id),
            "output": {
                "model": MODEL,
                "choices": []
                if wrong
                else [{"message": {"role": "assistant", "content": text}, "stop_reason": stops[finish]}],
                "usage": None if wrong else {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
                "time": 1.5,
            },
            "error": {"message": wrong, "traceback": "", "traceback_ansi": ""} if wrong else None,
            "metadata": {},
        }
        for number, (case_id, text, finish, wrong) in enumerate(ROWS)
    ]


def inspect_json() -> dict[str, Any]:
    """A `.json` log."""
    return {"version": 2, "status": "success", "eval": {"model": MODEL}, "results": {}, "samples": inspect_samples()}


def zipped(parts: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def inspect_eval() -> bytes:
    """An `.eval` log."""
    samples = {f"samples/{one['id']}_epoch_{one['epoch']}.json": json.dumps(one).encode() for one in inspect_samples()}
    return zipped({"_journal/start.json": b"{}", **samples, "summaries.json": b"[]", "header.json": b"{}"})


def lm_eval() -> bytes:
    """Samples of lm-evaluation-harness, once for each of two filters; they have neither errors nor finish reasons."""
    answers = {"c-1": [FIRST, SECOND], "c-2": [CUT]}
    return lines(
        [
            {
                "doc_id": number,
                "doc": {"question": COMMANDS[case_id], "answer": "[]"},
                "target": "[]",
                "arguments": {"gen_args_0": {"arg_0": "prompt", "arg_1": {"until": ["\n"]}}},
                "resps": [texts],
                "filtered_resps": [texts[0].strip('"')],
                "filter": name,
                "metrics": ["exact_match"],
                "doc_hash": "0",
                "exact_match": 0.0,
            }
            for name in ("strict", "flexible")
            for number, (case_id, texts) in enumerate(answers.items())
        ]
    )


def chats() -> bytes:
    """Chats with a last message of the assistant."""
    return lines(
        [{"messages": [*asked(case_id), {"role": "assistant", "content": text}]} for case_id, text, _, _ in ROWS]
    )


def row(**fields: Any) -> dict[str, Any]:
    """A row of a table."""
    return {"command": COMMANDS["c-1"], "output": FIRST} | fields


def tabled() -> list[dict[str, Any]]:
    """Rows of a table."""
    names = ("output", "finish_reason", "error")
    return [{"command": COMMANDS[row[0]], "model": MODEL, **dict(zip(names, row[1:], strict=True))} for row in ROWS]


def table_csv(delimiter: str = ",") -> bytes:
    """A table as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(tabled()[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(tabled())
    return out.getvalue().encode()


def table_parquet(further: str = "") -> bytes:
    """A table as Parquet, with a further cell in each row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([one | {"note": further} for one in tabled()]), out)
    return out.getvalue()


def pretty(value: object) -> bytes:
    """A JSON document over several lines."""
    return json.dumps(value, indent=2).encode()


def compact(value: object) -> bytes:
    """A JSON document on one line."""
    return json.dumps(value).encode()


# Name -> content; whether it says how the model ended, and the place of the row that was not heard.
FILES: dict[str, tuple[Callable[[], bytes], bool, str]] = {
    "batch": (batch, True, "line 3"),
    "hosted evaluation, lines": (lambda: lines(output_items()), True, "line 3"),
    "hosted evaluation, list": (lambda: pretty({"object": "list", "data": output_items()}), True, "line 92"),
    "stored completions, lines": (lambda: lines(stored()), True, "line 3"),
    "stored completions, array": (lambda: compact(stored()), True, "line 1"),
    "promptfoo 3": (lambda: pretty(promptfoo()), True, "line 67"),
    "promptfoo 2": (lambda: compact(promptfoo(2)), True, "line 1"),
    "promptfoo lines": (lambda: lines(promptfoo()["results"]["results"]), True, "line 3"),
    "promptfoo CSV": (promptfoo_csv, False, "line 4"),
    "inspect .json": (lambda: pretty(inspect_json()), True, "line 81"),
    "inspect .eval": (inspect_eval, True, "samples/c-3_epoch_1.json"),
    "lm-eval": (lm_eval, False, ""),
    "chats": (chats, False, "line 3"),
    "table, CSV": (table_csv, True, "line 4"),
    "table, CSV of a spreadsheet": (lambda: table_csv(";"), True, "line 4"),
    "table, Parquet": (table_parquet, True, "row 3"),
    "table, lines": (lambda: lines(tabled()), True, "line 3"),
}
