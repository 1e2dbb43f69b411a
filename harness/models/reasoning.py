"""The answer without what the model thought before it, where a server leaves the thoughts in the text.

What stands behind the last closing mark is the answer, and what stands behind an opening mark that is never closed is
thought. A text without marks, or with marks inside its list, is left as it is.
"""

from __future__ import annotations

import re

# Qwen and DeepSeek, Magistral, Seed-OSS, Kimi, and others
_OPENINGS = re.compile(
    r"\s*(?:<(?:think|thinking|thought|reasoning|seed:think)>|\[THINK\]|<\|begin_of_thought\|>|◁think▷)", re.IGNORECASE
)
_CLOSINGS = re.compile(
    r"</(?:think|thinking|thought|reasoning|seed:think)>|\[/THINK\]|<\|end_of_thought\|>|◁/think▷", re.IGNORECASE
)
# gpt-oss: <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...<|return|>
_CHANNEL = re.compile(r"<\|channel\|>\s{0,8}(\w{1,20})[^<]{0,99}<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|start|call)\|>")
_BARE_CHANNELS = ("analysis", "assistantfinal")  # the same with its marks taken out


def without_reasoning(text: str) -> str:
    """The answer in a model's text; empty where the model never came to one."""
    channels = list(_CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        return _CHANNEL_END.split(text[last.end() :], maxsplit=1)[0].strip() if last[1] == "final" else ""
    opened = _OPENINGS.match(text)
    closings = list(_CLOSINGS.finditer(text))
    if closings:
        behind = text[closings[-1].end() :].strip()
        inside = not opened and text.lstrip().startswith("[") and not behind.startswith(("[", "`"))
        return text if inside else behind
    if opened:
        return ""
    analysis, final = _BARE_CHANNELS
    if text.lstrip().startswith(analysis) and final in text:
        return text.rpartition(final)[2].strip()
    return text
