"""What an environment holds, asked within it: ``python -m gradtier.inside FOLDER ADAPTER...``.

The last line of its standard output is a JSON object: ``gradtier``, ``numpy`` and ``python`` are
versions; ``installed``: adapter -> distributions and versions; ``faults``: adapter -> why it does
not import.  No AD library is imported.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from pathlib import Path

import gradtier
from gradtier.host import adapter_class, make_importable


def main() -> None:
    """Look and tell."""
    make_importable(Path(sys.argv[1]))
    installed, faults = {}, {}
    for adapter in sys.argv[2:]:
        try:
            installed[adapter] = adapter_class(adapter).installed()
        except ImportError as error:
            faults[adapter] = str(error)
    told = {
        "gradtier": gradtier.__version__,
        "numpy": metadata.version("numpy"),
        "python": platform.python_version(),
        "installed": installed,
        "faults": faults,
    }
    print("\n" + json.dumps(told))


if __name__ == "__main__":
    main()
