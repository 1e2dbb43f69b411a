"""A first project of one's own, for `gonogo init`: cut from a shipped pack, or begun from an SDK."""

from harness.starter.cut import COMMANDS, choose, write_starter
from harness.starter.own import write_own
from harness.starter.project import write_baseline

__all__ = ["COMMANDS", "choose", "write_baseline", "write_own", "write_starter"]
