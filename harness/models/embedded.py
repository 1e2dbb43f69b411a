"""Serves the embedded model to this process: starts the child, waits until it is ready, ends it in every case."""

from __future__ import annotations

import importlib.util
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from harness.errors import EndpointError, InputError
from harness.files import open_file, os_errors
from harness.models.embedded_engine import Orders
from harness.models.specs import EMBEDDED_MODEL
from harness.models.weights import ensure_weights

_START_S = 180  # a cold disk on a busy machine; usually one or two seconds
_NOTE_AFTER_S = 1.0
_STOP_S = 2.0
_LOG_LINES = 12
# The package is found where this process found it, whatever lies in the current folder (-P).
_CHILD = (
    "import sys; sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]); "
    "from harness.models.embedded_engine import main; main()"
)


@dataclass(frozen=True, slots=True)
class Served:
    """The embedded model while it is being served to any OpenAI client, without a key; the base's name is the first."""

    base_url: str
    models: tuple[str, ...]
    process: subprocess.Popen[str]

    def wait(self) -> None:
        """Block until the server ends, which it only does when something went wrong.

        Raises:
            EndpointError: It ended. Leaving `serve` tells the last lines of its log.
        """
        self.process.wait()
        raise EndpointError("the embedded model's server ended unexpectedly")


@contextmanager
def serve(
    adapters: Mapping[str, Path] | None = None,
    *,
    threads: int = 1,
    weights: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Served]:
    """Serve the embedded model, for as long as the context lasts, from a process of its own.

    Args:
        adapters: LoRA files (GGUF) by short name; `go2` is served as `smollm2-135m+go2`.
        threads: CPU threads for generation; texts do not depend on them.
        weights: The base model's GGUF; by default the pinned one, fetched on first use.
        host: Address to listen on. Anything but loopback lets others use it: there is no authentication.
        port: 0 takes a free one.

    Raises:
        InputError: xllamacpp is not installed, an adapter or a number cannot be used, the port is taken.
        EndpointError: The weights cannot be fetched, or the server does not start.
    """
    given = {f"{EMBEDDED_MODEL}+{name}": str(_checked_adapter(path)) for name, path in (adapters or {}).items()}
    if not 1 <= threads <= 512:
        raise InputError(f"threads is {threads}", hint="Choose 1 to 512.")
    if not 0 <= port <= 65535:
        raise InputError(f"port is {port}", hint="Choose 1 to 65535, or 0 for a free one.")
    if importlib.util.find_spec("xllamacpp") is None:
        raise InputError(
            "the embedded model needs the package xllamacpp", hint="Install it with: pip install 'gonogo[local]'"
        )
    orders = Orders(str((weights or ensure_weights()).absolute()), EMBEDDED_MODEL, given, threads, host, port)
    # The log has no name and ends with both; it is appended to by the child, wherever it is read here.
    with tempfile.TemporaryFile("ab+") as log, _running_child(log) as process:
        taken = _start(process, log, orders)
        # The name by which a server listening on `host` is reached from this machine.
        name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        name = f"[{name}]" if ":" in name else name
        try:
            yield Served(f"http://{name}:{taken}/v1", (EMBEDDED_MODEL, *given), process)
        finally:
            if (code := process.poll()) is not None:
                sys.stderr.write(f"gonogo: the embedded model's server had ended ({code}){_tail(log)}\n")


def _checked_adapter(path: Path) -> Path:
    """The absolute path of an adapter that at least looks like one."""
    hint = "Name a LoRA adapter in GGUF format."
    with os_errors(path, "the adapter cannot be read", hint), open_file(path) as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise InputError("the adapter is not a GGUF file", path=path, hint=hint)
    return path.absolute()


@contextmanager
def _running_child(log: IO[bytes]) -> Iterator[subprocess.Popen[str]]:
    """The child process, not yet told what to serve; gone when the context is left."""
    command = [sys.executable, "-P", "-c", _CHILD, str(Path(__file__).resolve().parents[2])]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True, encoding="utf-8") as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()  # by this the child ends itself
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _start(process: subprocess.Popen[str], log: IO[bytes], orders: Orders) -> int:
    """Hand over the orders; the port once the model is loaded."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    with suppress(BrokenPipeError):  # it died at once; the missing answer tells
        stdin.write(json.dumps(asdict(orders)) + "\n")
        stdin.flush()
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(stdout.readline()), daemon=True).start()
    line = None
    for patience, words in ((_NOTE_AFTER_S, "Loading the embedded model\n"), (_START_S, "")):
        with suppress(queue.Empty):
            line = answers.get(timeout=patience)
            break
        sys.stderr.write(words)
    if line is None:
        raise EndpointError(f"the embedded model's server did not start within {_START_S} s{_tail(log)}")
    if not line:
        raise EndpointError(f"the embedded model's server ended while it started ({process.wait()}){_tail(log)}")
    answer = json.loads(line)
    if "error" in answer:
        files = "".join(f"\n    adapter {name}: {path}" for name, path in orders.adapters.items())
        raise InputError(f"{answer['error']}{files}{_tail(log)}")
    return int(answer["port"])


def _tail(log: IO[bytes]) -> str:
    """The end of the child's log, indented, or nothing."""
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()[-_LOG_LINES:]
    return "".join(f"\n    {line}" for line in lines if line.strip())
