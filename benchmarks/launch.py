"""Run a command and print what it took, as JSON: `python -m benchmarks.launch COMMAND ...`.

A process of its own, and a small one: on Linux the peak memory of a child is never less than that of the
process which started it.
"""

import json
import resource
import subprocess
import sys
import time


def main(command: list[str]) -> int:
    """The command's exit code; what it prints is dropped, its errors are shown."""
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = {
        "wall_seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(took))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
