"""Brian2's example Diehl_Cook_2015.py learns some images in its own environment: seconds of each, as JSON.

    python -I peer_brian2.py EXAMPLE

`peers.py` runs this in the folder from which the example finds its images. The example shows its progress by the
package progressbar2, in whose place stands a function that reads the clock before each image.
"""
import json
import runpy
import sys
import time
import types

import brian2
import numpy as np

TIMES = []


def progressbar(images):
    """The images one by one; TIMES gets the time before each and after the last."""
    for image in images:
        TIMES.append(time.perf_counter())
        yield image
    TIMES.append(time.perf_counter())


def main(example):
    """Run the example, which saves after each image how many steps and excitatory spikes there were so far."""
    module = types.ModuleType("progressbar")
    module.progressbar = progressbar
    sys.modules["progressbar"] = module
    runpy.run_path(example, run_name="__main__")
    steps, spikes = np.diff(np.load("data/train_stats.npy")[:, :2], axis=0).astype(int).T.tolist()
    print(json.dumps({"seconds": np.diff(TIMES).tolist(), "steps": steps, "spikes": spikes,
                      "dt": float(brian2.defaultclock.dt / brian2.ms), "brian2": brian2.__version__,
                      "numpy": np.__version__, "target": brian2.prefs.codegen.target}))


if __name__ == "__main__":
    main(sys.argv[1])
