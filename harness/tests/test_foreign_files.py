"""Files of other tools: read by content, matched to cases, and what cannot be used told."""

from __future__ import annotations

import io
import json
import random
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.errors import EvidenceError, InputError
from harness.foreign import containers, read_foreign
from harness.models.outcomes import Completion, Outcome
from harness.models.recorded import load_recording
from harness.models.requests import Request
from harness.tests import foreign_files as made
from harness.tests.foreign_files import COMMANDS, CUT, FILES, FIRST, SECOND, row


def load(path: Path, content: bytes | None = None, told: list[str] | None = None, **options: Any) -> list[Completion]:
    """All completions of a file, of which nothing tells the name what it holds."""
    if content is not None:
        path.write_bytes(content)
    notice = (told if told is not None else []).append
    return load_recording(path, "m", options.pop("requests", None), COMMANDS, notice=notice, **options)


def shape(found: list[Completion]) -> list[tuple[str, int, Outcome, str]]:
    """Case, sample, outcome and text of each, in one order for all files."""
    return sorted((one.case_id, one.sample, one.outcome, one.text) for one in found)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("edited", ["", "BOM", "CRLF"])
def test_every_format_gives_the_same_answers(name: str, edited: str, tmp_path: Path) -> None:
    """Cases, samples, outcomes and texts; what was not heard is told with its place; BOM and CRLF change nothing."""
    content, says_the_end, place = FILES[name][0](), *FILES[name][1:]
    if edited:
        if content.startswith((b"PK", b"PAR1")):
            pytest.skip("a binary file has neither")
        content = b"\xef\xbb\xbf" + content if edited == "BOM" else content.replace(b"\r", b"").replace(b"\n", b"\r\n")
    told: list[str] = []
    path = tmp_path / "answers"
    found = load(path, content, told)
    assert shape(found) == [
        ("c-1", 0, Outcome.ANSWERED, FIRST),
        ("c-1", 1, Outcome.ANSWERED, SECOND),
        ("c-2", 0, Outcome.TRUNCATED if says_the_end else Outcome.ANSWERED, CUT),
    ]
    lost = [number for number, line in enumerate(told) if "not heard" in line]
    assert [told[number].endswith("answers: rows where the model was not heard, not scored: 1") for number in lost] == (
        [True] if place else []
    )
    assert all(told[number + 1].startswith(f"  {place}: ") for number in lost)
    assert any("do not say how the model ended" in line for line in told) is not says_the_end
    assert {one.model for one in found} == {"m"}
    if says_the_end and "table" not in name:
        assert {(one.prompt_tokens, one.completion_tokens) for one in found} == {(7, 3)}
    if name not in ("lm-eval", "chats"):
        assert {one.served_model.removeprefix("openai:") for one in found if one.served_model} == {made.MODEL}
    wanted = [Request(case_id, 0, ({"role": "user", "content": text},)) for case_id, text in COMMANDS.items()]
    assert load(path, requests=wanted[:1]) == [one for one in found if (one.case_id, one.sample) == ("c-1", 0)]
    with pytest.raises(EvidenceError, match=r"1 of 3 requests are missing: c-3"):
        load(path, requests=wanted)


def test_what_fits_no_case_or_two_is_told_and_never_used(tmp_path: Path) -> None:
    """Counts and the first places; an id and a command that disagree are not to be trusted; an id decides a tie."""
    commands = COMMANDS | {"c-4": f"  {COMMANDS['c-1'].replace(' ', '  ')}\t"}
    rows = [row(command=f"other {number}") for number in range(25)]
    rows += [row(), row(id="c-4"), row(id="c-2"), row(command="go to the dock."), row(id="c-3", command="Say: hi")]
    told: list[str] = []
    path = tmp_path / "x"
    path.write_bytes(made.lines(rows))
    found = load_recording(path, "m", None, commands, notice=told.append)
    assert [one.case_id for one in found] == ["c-4", "c-3"]
    reasons = [f"  line {n}: no case has this id or command: 'other {n - 1}'" for n in range(1, 21)]
    assert told[:22] == [f"{path}: rows that belong to no case: 26", *reasons, "  and 6 more"]
    both = ["  line 26: it may answer 'c-1' or 'c-4'", "  line 28: it may answer 'c-1' or 'c-2' or 'c-4'"]
    assert told[22:25] == [f"{path}: rows that may belong to several cases: 2", *both]


@pytest.mark.parametrize("where", ["beside", "before", "in the row"])
def test_a_batch_with_ids_of_its_own_is_matched_by_what_it_asked(tmp_path: Path, where: str) -> None:
    """The command is in the batch's input, in a file beside its output or at its head, or in the rows themselves."""
    answers = [json.loads(line) | {"custom_id": f"request-{n}"} for n, line in enumerate(made.batch().splitlines())]
    asked = [{"messages": made.asked(case_id)} for case_id, *_ in made.ROWS]
    inputs = [{"custom_id": f"request-{n}", "method": "POST", "body": body} for n, body in enumerate(asked)]
    path = tmp_path / "out.jsonl"
    told: list[str] = []
    with pytest.raises(
        InputError, match=r"line 1: no case has this id or command: 'request-0' \(it holds no command\)"
    ):
        load(path, made.lines(answers))
    if where == "in the row":
        answers = [one | {"request": {"body": body}} for one, body in zip(answers, asked, strict=True)]
    if where == "beside":
        (tmp_path / "out.jsonl.input.jsonl").write_bytes(made.lines(inputs))
    found = load(path, made.lines([*(inputs if where == "before" else []), *answers]), told)
    assert shape(found) == shape(load(tmp_path / "ids", made.batch()))
    assert len(told) == 2


def test_a_file_of_another_pack_is_an_error(tmp_path: Path) -> None:
    """Where no row answers any command, that is said with the first of them, and how rows are matched."""
    with pytest.raises(InputError, match=r"x: none of its rows is an answer(.|\n)*line 1: no case(.|\n)*words of its"):
        load(tmp_path / "x", made.lines([row(command="x")]))


BAD_FORMAT = {"datasource_item": {}, "sample": {"output": 7}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (made.lines([row()]) + b'{"command"\n', ":2: not JSON"),
        (made.lines([row()]) + b"[" * 100_000, ":2: not JSON: nested too deep"),
        (made.lines([row(), {"colour": 1}]), ":2: no format that is known here (CSV or Parquet"),
        (made.lines([row(), row(output=[])]), ":2: a table: `output` must be a text"),
        (made.lines([row(), row(sample="x")]), ":2: a table: `sample` must be"),
        (made.lines([BAD_FORMAT]), ":1: hosted evaluation output items: a field is missing"),
        (
            made.lines([row(sample=0), row(sample=0)]),
            ":2: a second answer to case 'c-1', sample 0: the first is line 1",
        ),
        (made.lines([row(model="a"), row(model="b")]), ":2: answers of two models in one recording: a, b"),
        (made.compact([row()])[:-9], ":1: not JSON"),
        (made.pretty([row()])[:-3], ":5: not JSON: Expecting ','"),
        (made.pretty([row(), "x"]), ":6: not a JSON object"),
        (b'[\n {"command": ' + b"[" * 100_000, ": not JSON"),
        (b'[{"command": "\xff"}]', ": not JSON: 'utf-8'"),
        (b"command,output\n" + b'a,"b\n', ":2: not CSV: unexpected end"),
        (b"command,output\na,b\nc,\xff\n", ":3: not UTF-8"),
        (b"command,output\na,b,c\n", ":2: 3 cells under 2 headings"),
        (b"PK\x03\x04 no more", ": not a whole ZIP file"),
        (made.zipped({"xl/workbook.xml": b""}), "a ZIP without samples of inspect"),
        (made.zipped({"samples/a.json": b"{"}), "samples/a.json: not JSON"),
        (b"PAR1 no more", ": not Parquet"),
        (
            made.pretty(made.promptfoo() | {"results": {"results": [{"vars": {}, "response": {"output": {}}}]}}),
            "no text",
        ),
        (made.lines([{"doc": {}, "resps": [[[-1.5, True]]]}]), "only tasks that generate"),
    ],
)
def test_what_cannot_be_read_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    """One message with the file and the line or part, never a traceback."""
    with pytest.raises(InputError) as caught:
        load(tmp_path / "x", content)
    assert f"{tmp_path / 'x'}" in str(caught.value)
    assert said in str(caught.value)


SAMPLE = json.dumps(made.inspect_samples()[0] | {"id": 1, "input": ""}).encode() + b" " * 500


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (made.lines([row()]) + b" " * 3000, ":2: a line of more than"),
        (b'{"id": "c-1", "output": "x"}\n' + b"x" * 3000, ":2: a line of more than"),  # ours
        (b"command,output\nc," + b"x" * 3000, ":2: a line of more than"),
        (b'[{"command": "' + b"x" * 9000, "a JSON document of more than"),
        (made.table_parquet("x" * 9000), "row group 0 of more than"),
        (made.zipped({"samples/a.json": b" " * 10**6}), "samples/a.json: a ZIP that unpacks to it of more than"),
        (made.zipped({f"samples/{n}.json": SAMPLE for n in range(20)}), "a ZIP that unpacks to it of more than"),
    ],
)
def test_nothing_is_read_without_bounds(
    content: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line, a document and the parts of a ZIP have a largest size; here 2 kB, 8 kB and 16 kB."""
    for module in (files, containers):
        monkeypatch.setattr(module, "LONGEST_LINE", 2**11)
    monkeypatch.setattr(containers, "LARGEST_DOCUMENT", 2**13)
    monkeypatch.setattr(containers, "LARGEST_UNPACKED", 2**14)
    with pytest.raises(InputError) as caught:
        load(tmp_path / "x", content)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_an_error_or_the_rest_of_it(name: str, tmp_path: Path) -> None:
    """Bytes cut out of, put into or changed in any of the files: a message of ours, or answers; nothing else."""
    rng = random.Random(name)  # noqa: S311  a damage that can be repeated
    whole = FILES[name][0]()
    for _ in range(40):
        content, at = bytearray(whole), rng.randrange(len(whole))
        match rng.randrange(3):
            case 0:
                del content[at : at + rng.randrange(1, 60)]
            case 1:
                content[at:at] = rng.choice([b"[" * 5000, b"\0", b'"', b"{}", b"\xff", b"null,"])
            case _:
                content[at] = rng.randrange(256)
        try:
            found = load(tmp_path / "x", bytes(content))
        except InputError:
            continue
        assert {one.case_id for one in found} <= COMMANDS.keys()


def test_compression_that_python_cannot_unpack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """zstd, which inspect uses by default: read by pyarrow, and without it a message that names both ways out."""
    import pyarrow as pa

    parts = {f"samples/{n}.json": json.dumps(one).encode() for n, one in enumerate(made.inspect_samples())}
    packed = {name: pa.Codec("zstd").compress(content, asbytes=True) for name, content in parts.items()}
    content = bytearray(made.zipped(packed, zipfile.ZIP_STORED))
    for number, mark in ((8, b"PK\x03\x04"), (10, b"PK\x01\x02")):  # the method, in each part's two headers
        at = content.find(mark)
        while at >= 0:
            content[at + number : at + number + 2] = (93).to_bytes(2, "little")
            at = content.find(mark, at + 1)
    assert len(load(tmp_path / "x", bytes(content))) == 3
    (tmp_path / "y").write_bytes(made.table_parquet())
    monkeypatch.setitem(sys.modules, "pyarrow.lib", None)
    with pytest.raises(InputError, match=r"inspect log convert --to json(.|\n)*gonogo\[scale\]"):
        load(tmp_path / "x")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"Parquet needs the package pyarrow(.|\n)*gonogo\[scale\]"):
        load(tmp_path / "y")


def reply(fields: dict[str, Any]) -> tuple[Outcome, str]:
    """Outcome and text of the one answer in a JSON line."""
    rows = read_foreign(io.BytesIO(made.lines([fields])), "x")
    assert rows is not None
    (found,) = rows
    return found.reply.outcome, found.reply.text


def one(**fields: Any) -> tuple[Outcome, str]:
    """Outcome and text of the one answer in a row of a table."""
    return reply(row(**fields))


def test_how_an_answer_ended_decides_what_it_is() -> None:
    """A finish reason, an error and an empty text, by the rules of a live reply; thoughts are left out."""
    assert one() == (Outcome.ANSWERED, FIRST)
    assert one(finish_reason="length") == (Outcome.TRUNCATED, FIRST)
    assert one(finish_reason="content_filter", output="") == (Outcome.FILTERED, "")
    assert one(finish_reason="abort")[0] is Outcome.SERVER_ERROR
    assert one(output="", finish_reason="stop") == (Outcome.ANSWERED, "")
    assert one(output="")[0] is Outcome.BAD_RESPONSE
    assert one(error="flagged by moderation")[0] is Outcome.FILTERED
    assert one(error={"code": "batch_expired"})[0] is Outcome.TIMEOUT
    assert one(error="quota")[0] is Outcome.SERVER_ERROR
    assert one(error="API error: 400 Bad Request: the prompt was flagged by content management")[0] is Outcome.FILTERED
    assert one(error="API error: 404 no such model")[0].fatal
    assert one(output=f"<think>[]</think>{FIRST}") == (Outcome.ANSWERED, FIRST)
    for refused in (
        {"vars": {}, "response": {"output": "No.", "isRefusal": True}},
        {"messages": [{"role": "assistant", "content": None, "refusal": "No."}]},
    ):
        assert reply(refused) == (Outcome.REFUSED, "No.")


def test_several_choices_are_samples(tmp_path: Path) -> None:
    """Where `n` was more than 1, in batch output and in a stored completion."""
    choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in (FIRST, SECOND)]
    body = made.body("", "stop", messages=made.asked("c-1")) | {"choices": choices}
    for line in (body, {"custom_id": "c-1", "response": {"status_code": 200, "body": body}}):
        found = load(tmp_path / "x", made.lines([line]))
        assert [(one.sample, one.text) for one in found] == [(0, FIRST), (1, SECOND)]


def test_two_prompts_of_one_model_are_two_models(tmp_path: Path) -> None:
    """In a file of promptfoo with two prompts, answers to the second are no further samples."""
    results = made.promptfoo()["results"]["results"]
    results[-1]["promptIdx"] = 1
    with pytest.raises(InputError, match=rf"two models in one recording: openai:{made.MODEL}, .* \(prompt 1\)"):
        load(tmp_path / "x", made.lines(results))


@pytest.mark.parametrize(
    "content",
    [
        b'["self.stop()"]',
        b'[\n  "self.stop()"\n]',
        b'{"id": "a", "output": "x"}\n',
        b'{"id": "a", "output": "x", "colour": 1}\n',
        b'{"outcome": "answered", "case_id": "a"}',
        b'{\n{"id": "a", "output": "x"}\n',
        b"stop, output\n",
        b"",
        b"\n\n",
    ],
)
def test_ours_and_raw_answers_are_left_to_their_readers(content: bytes) -> None:
    """Nothing that was read before is taken for a file of another tool."""
    assert read_foreign(io.BytesIO(content), "x") is None
