"""The pack's own teacher: the Python module that `teacher` in its gonogo.toml names, trusted as a conftest.py is.

It has one function, `examples(seed: int) -> Iterator[Example]`: the same examples for the same seed.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from harness.errors import GonogoError, InputError
from harness.pack import Pack
from harness.training.verify import Example


def pack_examples(pack: Pack, seed: int) -> Iterator[Example]:
    """Run the pack's teacher.

    Raises:
        InputError: the pack has none, the module cannot be loaded, or it raises.
    """
    path = pack.teacher
    if path is None:
        raise InputError(
            f"the pack {pack.name!r} has no teacher of its own",
            hint='name its module in gonogo.toml: teacher = "teacher.py", or use --teacher MODEL',
        )
    name = f"gonogo_pack_{pack.root.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError("the pack's teacher is no Python module", path=path, hint="check `teacher` in gonogo.toml")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
        for example in module.examples(seed):
            assert isinstance(example, Example), f"{type(example).__name__} is no Example"
            yield example
    except GonogoError:
        raise
    except Exception as error:  # whatever the user's module does
        own = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename) == path.resolve()
        ]
        line = error.lineno if isinstance(error, SyntaxError) else own[-1] if own else None
        raise InputError(f"the pack's teacher fails: {type(error).__name__}: {error}", path=path, line=line) from error
