"""`gonogo models`: the specs that can be named here, and what the endpoints offer."""

from __future__ import annotations

import argparse
import sys

from harness.cli import options
from harness.config import Settings
from harness.errors import EndpointError, InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "endpoints",
        nargs="*",
        metavar="ENDPOINT",
        help="ask these for their models: openai, or a name from gonogo.toml (default: ask none)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """List, and return 0; 5 where an endpoint could not be asked."""
    from harness.models.specs import known_specs
    from harness.text import one_line

    pack, settings = options.setup(args)
    specs = known_specs(settings, pack.adapters)
    offered: dict[str, list[dict[str, str | None]]] = {}
    failed = False
    for name in args.endpoints:
        if name != "openai" and name not in settings.endpoints:
            known = ", ".join(["openai", *sorted(settings.endpoints)])
            raise InputError(f"there is no endpoint {name!r}", hint=f"known: {known}; add it to gonogo.toml")
        try:
            offered[name] = _offered(name, settings)
        except EndpointError as error:
            failed = True
            print(f"gonogo: {name}: {error}", file=sys.stderr)
    if args.json:
        import json

        print(json.dumps({"specs": specs, "offered": offered}, indent=1))
    else:
        print("\n".join(specs))
        for name, models in offered.items():
            print(f"\noffered by {name}:")
            for model in models:
                ends = model["shutdown_date"]
                print(f"  {name}:{one_line(model['id'] or '')}" + (f"   shut down on {ends}" if ends else ""))
    return EndpointError.exit_code if failed else 0


def _offered(name: str, settings: Settings) -> list[dict[str, str | None]]:
    from harness.models.client import list_models
    from harness.models.connect import connect
    from harness.models.specs import parse_spec

    with connect(parse_spec(f"{name}:any", settings), settings) as endpoint:
        return [
            {"id": model, "shutdown_date": ends.isoformat() if ends else None}
            for model, ends in list_models(endpoint).items()
        ]
