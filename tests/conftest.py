"""What all tests have in common: they can be interrupted, so can the processes that they start, and none is timed."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # some tests import onnxruntime before onnxinv does

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)
