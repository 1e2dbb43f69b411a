"""The child process that serves the embedded model: llama.cpp behind the HTTP front.

Its standard input is its orders and its lifeline: one line of JSON says what to serve, and the end of input,
however it comes about (the parent leaves, is interrupted, crashes or is killed), ends this process at once. Its
standard output carries one line back: {"port": n} when ready, or {"error": text}. The rest goes to stderr.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
from typing import NoReturn, TextIO

from harness.models.embedded_engine import LlamaEngine, Orders
from harness.models.embedded_http import FrontServer

_PARENT_POLL_S = 1.0


def main() -> None:
    """Serve until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    answer = _claim_stdout()
    orders = Orders(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        front = FrontServer(orders.host, orders.port)
    except OSError as error:
        _give_up(answer, f"cannot listen on {orders.host} port {orders.port}: {error.strerror or error}")
    try:
        engine = LlamaEngine(orders)
    except (RuntimeError, ValueError, OSError, ImportError) as error:
        _give_up(answer, f"the model could not be loaded: {error}")
    # xllamacpp has put handlers of its own in place of ours, and they would only stop its inner server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _say(answer, {"port": front.server_port})
    front.serve(engine)


def _claim_stdout() -> TextIO:
    """Keep the pipe to the parent for us alone: what native code prints to stdout goes to the log instead."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answer


def _end_with_parent(parent: int) -> None:
    """Wait for the end of input, then end at once: there is nothing to save, and native threads may be busy.

    A process forked by the parent can hold the other end of the pipe open beyond its death, so on POSIX the
    parent's id is looked at too: an orphan is given another parent.
    """
    while True:
        if os.name == "posix":
            readable, _, _ = select.select([sys.stdin], [], [], _PARENT_POLL_S)
            if os.getppid() != parent:
                break
            if not readable:
                continue
        if not os.read(sys.stdin.fileno(), 1024):
            break
    os._exit(0)


def _give_up(answer: TextIO, reason: str) -> NoReturn:
    _say(answer, {"error": reason})
    os._exit(1)


def _say(answer: TextIO, message: dict[str, object]) -> None:
    answer.write(json.dumps(message) + "\n")
    answer.flush()


if __name__ == "__main__":
    main()
