"""The embedded model itself: real weights, a real child process, adapters switched per request, and no orphan ever.

Marked slow where the weights are needed (fetched into the user's cache once). The adapters are random ones, strong
enough to change what the model says.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from harness.errors import EndpointError, InputError
from harness.models.embedded import Served, serve
from harness.models.weights import ensure_weights
from harness.tests.lora_file import write_lora

BASE, TUNED, OTHER = "smollm2-135m", "smollm2-135m+tuned", "smollm2-135m+other"
QUESTIONS = ["Find the red ball.", "Describe the robot.", "Describe the old kitchen."]


def client_of(served: Served) -> openai.OpenAI:
    """OpenAI's client, refusing any reply that departs from its types."""
    return openai.OpenAI(
        base_url=served.base_url, api_key="unused", max_retries=0, timeout=250, _strict_response_validation=True
    )


def asker(client: openai.OpenAI, max_tokens: int = 12) -> Callable[[tuple[str, str]], str]:
    """A function that asks one model one question at temperature 0 and returns the text."""

    def ask(job: tuple[str, str]) -> str:
        model, question = job
        messages: Any = [{"role": "user", "content": question}]
        reply = client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=max_tokens)
        assert reply.usage is not None
        assert 0 < reply.usage.completion_tokens <= max_tokens
        assert reply.choices[0].finish_reason in {"stop", "length"}
        return reply.choices[0].message.content or ""

    return ask


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two different adapters."""
    folder = tmp_path_factory.mktemp("adapters")
    return {
        "tuned": write_lora(folder / "tuned.gguf", seed=1, strength=3),
        "other": write_lora(folder / "other.gguf", seed=2, strength=3),
    }


@pytest.fixture(scope="module")
def served(adapters: dict[str, Path]) -> Iterator[Served]:
    """Base and both adapters behind one address."""
    with serve(adapters) as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[openai.OpenAI]:
    """A client of it."""
    with client_of(served) as made:
        yield made


@pytest.fixture(scope="module")
def texts(served: Served, client: openai.OpenAI) -> dict[tuple[str, str], str]:
    """What each model says to each question, asked one after the other."""
    ask = asker(client)
    return {(model, question): ask((model, question)) for question in QUESTIONS for model in served.models}


@pytest.mark.slow
def test_an_adapter_changes_the_text_and_the_base_is_untouched_by_it(
    served: Served, texts: dict[tuple[str, str], str]
) -> None:
    """The model's name alone selects the adapter; the base says byte for byte what it says without any."""
    assert served.models == (BASE, TUNED, OTHER)
    with serve() as alone, client_of(alone) as client:
        assert alone.models == (BASE,)
        ask_alone = asker(client)
        assert [ask_alone((BASE, q)) for q in QUESTIONS] == [texts[BASE, q] for q in QUESTIONS]
    for one, two in ((BASE, TUNED), (BASE, OTHER), (TUNED, OTHER)):
        assert any(texts[one, q] != texts[two, q] for q in QUESTIONS)


@pytest.mark.slow
def test_texts_do_not_depend_on_what_else_is_asked(
    served: Served, client: openai.OpenAI, texts: dict[tuple[str, str], str]
) -> None:
    """Mixed models at the same time: every text equals that of the same question asked alone."""
    ask = asker(client)
    jobs = [(model, question) for question in QUESTIONS for model in served.models]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(ask, jobs))
    assert together == [texts[job] for job in jobs]


@pytest.mark.slow
def test_a_kept_system_message_does_not_change_a_text(client: openai.OpenAI) -> None:
    """Whatever was asked before, a prompt is computed from the end of the system message on; the text is the same.

    That the prompt is always cut at this place is what makes texts repeatable on every processor.
    """
    system = "You are a robot with a camera and two arms. Answer in one sentence."

    def ask(job: tuple[str, str], about: str = system, max_tokens: int = 6) -> tuple[str | None, int | None]:
        messages: Any = [{"role": "system", "content": about}, {"role": "user", "content": job[1]}]
        reply = client.chat.completions.create(model=job[0], messages=messages, temperature=0, max_tokens=max_tokens)
        assert reply.usage is not None
        assert reply.usage.prompt_tokens_details is not None
        return reply.choices[0].message.content, reply.usage.prompt_tokens_details.cached_tokens

    shared = ("Find", "Find the red ball", "Find the red ball, then the green one")
    jobs = [(model, f"{beginning} and wave.") for model in (BASE, TUNED) for beginning in shared]
    unprepared = []
    for job in jobs:
        ask((job[0], "Hello"), "Be brief.", 1)  # drives the system message out
        unprepared.append(ask(job))
    assert len({cached for _, cached in unprepared}) == 1
    assert (unprepared[0][1] or 0) > 10
    order = random.Random(3).sample(range(len(jobs)), k=len(jobs))  # noqa: S311 - repeatable, not secret
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda at: ask(jobs[at]), order)) == [unprepared[at] for at in order]


@pytest.mark.slow
def test_what_the_runtime_rejects_is_an_error_in_openai_shape(client: openai.OpenAI) -> None:
    """A prompt beyond the context and a schema that makes no sense are 400s; the server goes on."""
    messages: Any = [{"role": "user", "content": "word " * 6000}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=BASE, messages=messages)
    assert caught.value.code == "context_length_exceeded"
    schema: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "bogus"}}}
    messages = [{"role": "user", "content": "Hello"}]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=BASE, messages=messages, response_format=schema)
    assert asker(client)((BASE, "Hello"))


@pytest.mark.slow
def test_a_response_schema_is_kept_to(client: openai.OpenAI) -> None:
    """response_format reaches the sampler: a list of strings is what comes."""
    item = {"type": "string", "maxLength": 12}
    schema: Any = {"type": "array", "items": item, "minItems": 1, "maxItems": 2}
    response_format: Any = {"type": "json_schema", "json_schema": {"name": "commands", "schema": schema}}
    messages: Any = [{"role": "user", "content": "Name two rooms."}]
    reply = client.chat.completions.create(
        model=TUNED, messages=messages, response_format=response_format, temperature=0, max_tokens=60
    )
    parsed = json.loads(reply.choices[0].message.content or "")
    assert isinstance(parsed, list)
    assert all(isinstance(value, str) for value in parsed)


@pytest.mark.slow
def test_seed_and_temperature_take_effect(client: openai.OpenAI) -> None:
    """The same seed gives the same text, other seeds others."""
    messages: Any = [{"role": "user", "content": "Tell me a story."}]

    def text(seed: int) -> str | None:
        reply = client.chat.completions.create(model=BASE, messages=messages, seed=seed, temperature=1.0, max_tokens=8)
        return reply.choices[0].message.content

    first = [text(seed) for seed in range(3)]
    assert len(set(first)) > 1
    assert [text(seed) for seed in range(3)] == first


PARENT = """
import os, signal, sys, time
from pathlib import Path
from harness.models.embedded import serve
how, weights = sys.argv[1], Path(sys.argv[2])
if how == "loading":
    from harness.models import embedded
    start = embedded._start
    def announce(process, *rest):
        print("http://127.0.0.1:1/v1", process.pid, flush=True)
        return start(process, *rest)
    embedded._start = announce
with serve(weights=weights, threads=1) as served:
    if how != "loading":
        print(served.base_url, served.process.pid, flush=True)
    if how == "leave":
        sys.exit(0)
    if how == "raise":
        raise RuntimeError("crash")
    if how == "abort":
        os.abort()
    if how == "fork" and os.fork() == 0:
        time.sleep(8)
        os._exit(0)
    time.sleep(60)
"""


def is_running(pid: int) -> bool:
    """Whether a process exists and is more than a zombie that nobody has collected."""
    command = ["/bin/ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
    return bool(state) and state[0] not in "ZX"


def gone_within(seconds: float, pid: int, address: str) -> bool:
    """Whether the child ends in time and its port takes no more connections."""
    deadline = time.monotonic() + seconds
    while is_running(pid) or accepts(urlsplit(address).port or 0):
        if time.monotonic() > deadline:
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)
            return False
        time.sleep(0.02)
    return True


def accepts(port: int) -> bool:
    """Whether something takes connections on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "sent", "seconds", "tracebacks"),
    [
        *[("leave", None, 3, 0), ("raise", None, 3, 1), ("abort", None, 3, 0)],
        ("sleep", signal.SIGINT, 2, 1),  # to the whole group, as from a terminal: the child makes no noise
        *[(how, signal.SIGKILL, 5, 0) for how in ("sleep", "fork", "loading")],
    ],
)
def test_the_child_is_gone_when_the_parent_ends(
    tmp_path: Path, how: str, sent: signal.Signals | None, seconds: float, tracebacks: int
) -> None:
    """Left, failed, crashed, interrupted; killed, also while a fork holds the pipe, or the model is loading."""
    log = tmp_path / "stderr"
    command = [sys.executable, "-c", PARENT, how, str(ensure_weights())]
    with (
        log.open("w") as file,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True, process_group=0) as process,
    ):
        assert process.stdout is not None
        address, pid = process.stdout.readline().split()
        if sent is signal.SIGINT:
            assert is_running(int(pid))
            os.killpg(process.pid, sent)
        elif sent:
            process.send_signal(sent)
        assert gone_within(seconds, int(pid), address)
    assert log.read_text().count("Traceback") == tracebacks


@pytest.mark.slow
def test_a_server_that_dies_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """When the child is killed, waiting for it ends in a clear error, and leaving says that it had ended."""
    with serve(threads=1) as running:
        os.kill(running.process.pid, signal.SIGKILL)
        with pytest.raises(EndpointError, match="ended unexpectedly"):
            running.wait()
    assert "server had ended (-9)" in capsys.readouterr().err


@pytest.mark.slow
def test_a_port_in_use_is_a_clear_error(served: Served) -> None:
    """The error names the address, and comes before the model is loaded."""
    port = urlsplit(served.base_url).port or 0
    with pytest.raises(InputError, match=f"127.0.0.1 port {port}: Address already in use"), serve(port=port):
        pass


@pytest.mark.slow
def test_an_adapter_that_does_not_fit_is_a_clear_error(tmp_path: Path) -> None:
    """A file that begins like an adapter and is not one ends in one error that names it."""
    path = write_lora(tmp_path / "half.gguf", seed=1)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"half\.gguf"), serve({"half": path}, threads=1):
        pass


def test_a_missing_runtime_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error is the command that installs it, and nothing is downloaded."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(InputError, match=r"pip install 'gonogo\[local\]'"), serve():
        pass
