"""`cordee run` under cProfile, all threads, in processor time: where an update's cost goes.

Run as `python -m tests.bench_profiled run`; `BENCH_PROFILE` is the file for the result, to be read
with `python -m pstats`. The figures of such a run are for comparing functions, not for the bars.
"""

import cProfile
import os
import pstats
import sys
import threading
import time
from types import FrameType
from typing import Any


def main() -> None:
    profiles: list[cProfile.Profile] = []

    def profile() -> None:
        one = cProfile.Profile(time.thread_time)
        profiles.append(one)
        one.enable()

    def begin(_frame: FrameType, _event: str, _arg: Any) -> None:
        profile()  # replaces this function in the thread that has just begun

    threading.setprofile(begin)
    profile()
    from handlers.main import main as cordee

    try:
        cordee()
    except SystemExit as ended:
        if ended.code:
            raise
    finally:
        for one in profiles:
            one.disable()
            one.create_stats()
        first, *others = profiles
        stats = pstats.Stats(first)
        for one in others:
            if one.getstats() or getattr(one, "stats", None):
                stats.add(pstats.Stats(one))
        stats.dump_stats(os.environ["BENCH_PROFILE"])


if __name__ == "__main__":
    sys.argv[0] = "cordee"
    main()
