"""The messages a model is asked with: the pack's system message, plain or with the API card, and the command."""

from __future__ import annotations

from pathlib import Path

from harness.errors import InputError
from harness.pack import PROMPTS, Pack

Messages = tuple[dict[str, str], ...]


def system_message(pack: Pack, prompt: str = "plain") -> str:
    """The system message.

    Args:
        pack: Whose prompts to use.
        prompt: `plain` for the task alone, `card` for the task with every allowed call, so that a model that was
            never fine-tuned can be compared fairly; or a file of one's own, in which `{{ system }}` and `{{ card }}`
            stand for the two.

    Raises:
        InputError: neither a prompt of the pack nor a file, or a file that cannot be read.
    """
    if prompt not in PROMPTS and not Path(prompt).is_file():
        raise InputError(f"there is no prompt {prompt!r}", hint=f"{', '.join(PROMPTS)}, or a text file")
    system = _read(pack.system_prompt)
    if prompt == "plain":
        return system
    text = _read(pack.card_prompt if prompt == "card" else Path(prompt)).replace("{{ system }}", system)
    if "{{ card }}" not in text:
        return text
    from harness.sdk.card import card
    from harness.sdk.profile import load_profile

    return text.replace("{{ card }}", card(load_profile(pack.profile)))


def prompt_of(pack: Pack, system: str) -> str:
    """The prompt of the pack that gives this system message; empty where none does."""
    return next((name for name in PROMPTS if system_message(pack, name) == system), "")


def messages(system: str, command: str) -> Messages:
    """System message and command as chat messages, the same for every model of a comparison."""
    return ({"role": "system", "content": system}, {"role": "user", "content": command})


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"cannot read the prompt: {error.strerror}", path=path, hint="restore it") from error
    except UnicodeDecodeError:
        raise InputError("the prompt is not UTF-8 text", path=path, hint="save it as UTF-8") from None
