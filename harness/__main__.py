"""`python -m harness` is `gonogo`."""

import sys

from harness.cli import entry_point

if __name__ == "__main__":
    sys.exit(entry_point())
