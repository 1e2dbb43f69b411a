"""The pack's own teacher: the Python module that `teacher` in its gonogo.toml names, trusted as a conftest.py is.

It has one function, `examples(seed: int) -> Iterator[Example]`: the same examples for the same seed.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path

from harness.errors import GonogoError, InputError
from harness.pack import Pack
from harness.simulation.load import run_module
from harness.training.verify import Example


def pack_examples(pack: Pack, seed: int) -> Iterator[Example]:
    """Run the pack's teacher.

    Raises:
        InputError: the pack has none, the module cannot be loaded, or it raises; with file and line.
    """
    if pack.teacher is None:
        raise InputError(
            f"the pack {pack.name!r} has no teacher of its own",
            hint='name its module in gonogo.toml: teacher = "teacher.py", or use --teacher MODEL',
        )
    path = Path(os.path.abspath(pack.teacher))  # noqa: PTH100  as importlib spells it, and so tracebacks do
    module = run_module(path, f"_gonogo_teacher_{pack.root.name}", "the pack's teacher")
    try:
        for example in module.examples(seed):
            assert isinstance(example, Example), f"{type(example).__name__} is no Example"
            yield example
    except GonogoError:
        raise
    except Exception as error:  # whatever the user's module does
        own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        message = f"the pack's teacher fails: {type(error).__name__}: {error}"
        raise InputError(message, path=path, line=own[-1] if own else None) from error
