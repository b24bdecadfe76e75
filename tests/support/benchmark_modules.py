"""Modules of ``benchmarks/``, which is no package: its scripts import each other by name."""

import importlib
import sys
from types import ModuleType

from reporting.core.settings import PROJECT_ROOT


def benchmark_module(name: str) -> ModuleType:
    """A module of the benchmarks."""
    sys.path.insert(0, str(PROJECT_ROOT / "benchmarks"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)
