"""`gonogo models`: the specs that can be named here, and what the endpoints offer."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date

from harness.cli import options
from harness.errors import EndpointError, InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    asked = "ask these for their models: openai, or a name from gonogo.toml (default: ask none)"
    parser.add_argument("endpoints", nargs="*", metavar="ENDPOINT", help=asked)
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """List, and return 0; 5 where an endpoint could not be asked."""
    from harness.models.client import list_models
    from harness.models.connect import connect
    from harness.models.specs import known_specs, parse_spec
    from harness.text import one_line

    pack, settings = options.setup(args)
    specs = known_specs(settings, pack.adapters)
    offered: dict[str, dict[str, date | str | None]] = {}
    failed = False
    for name in args.endpoints:
        if name != "openai" and name not in settings.endpoints:
            known = ", ".join(["openai", *sorted(settings.endpoints)])
            raise InputError(f"there is no endpoint {name!r}", hint=f"known: {known}; add it to gonogo.toml")
        try:
            with connect(parse_spec(f"{name}:any", settings), settings) as endpoint:
                offered[name] = list_models(endpoint)
        except EndpointError as error:
            failed = True
            print(f"gonogo: {name}: {error}", file=sys.stderr)
    if args.json:
        rows = {
            name: [{"id": model, "shutdown_date": ends and str(ends)} for model, ends in models.items()]
            for name, models in offered.items()
        }
        print(json.dumps({"specs": specs, "offered": rows}, indent=1))
    else:
        print("\n".join(specs))
        for name, models in offered.items():
            print(f"\noffered by {name}:")
            for model, ends in models.items():
                print(f"  {name}:{one_line(model)}" + (f"   shut down on {ends}" if ends else ""))
    return EndpointError.exit_code if failed else 0
