"""Tests, laid out as the code is; what several share is imported by its full name."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"  # real material beside the project, where there is any
