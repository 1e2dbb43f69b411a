"""A first project of one's own, for `gonogo init`: cut from a shipped pack, or begun from an SDK."""

from harness.starter.cut import COMMANDS, choose, write_baseline, write_starter

__all__ = ["COMMANDS", "choose", "write_baseline", "write_starter"]
