"""`gonogo serve`: the embedded model, and the pack's fine-tuned adapter, for any OpenAI client on this machine."""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.models.embedded import Served


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `gonogo serve`."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="port; 0 takes a free one (default: 8080)")
    parser.add_argument("--pack", metavar="PACK", help=f"whose adapters are served too; {options.PACK_HELP}")
    told = "a LoRA adapter (GGUF), served as smollm2-135m+NAME; repeatable"
    parser.add_argument("--adapter", action="append", default=[], metavar="NAME=PATH", help=told)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.epilog = "No key is needed, and none is checked: whoever can reach the address can use the model."


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from harness.models.embedded import serve
    from harness.pack import load_pack

    adapters = {name: path for name, path in load_pack(args.pack).adapters.items() if path.is_file()}
    for text in args.adapter:
        if (named := re.fullmatch(r"([\w-]+)=(.+)", text)) is None:
            raise InputError(f"--adapter {text!r} is not NAME=PATH", hint="For example: --adapter go2=my-adapter.gguf")
        adapters[named[1]] = Path(named[2]).expanduser()
    if not _is_loopback(args.host):
        warning = "may be reached from other machines, and nothing asks them for a key"
        print(f"gonogo: warning: {args.host} {warning}", file=sys.stderr)
    try:
        with serve(adapters, threads=args.threads, host=args.host, port=args.port) as served:
            print(_instructions(served), flush=True)
            served.wait()
    except KeyboardInterrupt:
        print("\ngonogo: no longer serving", file=sys.stderr)
    return 0


def _is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; a name other than localhost is not looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _instructions(served: Served) -> str:
    """What to paste to use the endpoint."""
    model = served.models[-1]
    return f"""\
Serving {", ".join(served.models)} at {served.base_url} (requests take turns). Ctrl-C ends it.

  curl {served.base_url}/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Go to the kitchen."}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{served.base_url}", api_key="unused")
  messages = [{{"role": "user", "content": "Go to the kitchen."}}]
  print(client.chat.completions.create(model="{model}", messages=messages).choices[0].message.content)
"""
