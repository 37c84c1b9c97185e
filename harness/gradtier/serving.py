"""``python -m gradtier.serving``: a worker that is bound to its run before it imports anything.

Importing takes a second, on a busy machine ten; a run that is killed meanwhile must not leave it.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Serve until the channel is closed or the run is dead."""
    if sys.platform == "linux":  # a hanging backend reads no channel, so the kernel must end it
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    from gradtier.worker import main as serve

    serve()


if __name__ == "__main__":
    main()
