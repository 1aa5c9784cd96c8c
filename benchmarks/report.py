"""Every benchmark, printed and written to results/benchmarks.md with the machine and the versions: `make bench`."""
import contextlib
import datetime
import io
import os
import platform
import sys
from pathlib import Path

import pairing
import training_step

from spikelearn.results.files import replace_file
from spikelearn.results.provenance import commit, versions

PARTS = {"Pairing experiments": (pairing, lambda: pairing.main(3)),
         "A training step": (training_step, lambda: training_step.main(1000, 3))}


class Both(io.StringIO):
    """Text that is kept and shown while it comes."""

    def write(self, text):
        sys.__stdout__.write(text)
        sys.__stdout__.flush()
        return super().write(text)


def processor():
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def machine(command):
    """When, by which command and on which machine the numbers of a page were measured, without a full stop."""
    numbers, at = versions(), commit() or {"revision": "unknown", "changed": False}
    return (f"Written by `{command}` on {datetime.date.today().isoformat()}: {processor()}, {os.cpu_count()} cores; "
            f"spikelearn {numbers['spikelearn']} at {at['revision'][:7]}{', changed' if at['changed'] else ''}; "
            f"Python {numbers['python']}, Brian2 {numbers['brian2']}, NumPy {numbers['numpy']}, {numbers['compiler']}")


def main():
    """Run every part; the page is written at the end, whole."""
    page = [f"# Speed\n\n{machine('make bench')}. Each number is the median of some turns, and from "
            "where to where they reach; what is compared runs in turn.\n"]
    for title, (module, run) in PARTS.items():
        with contextlib.redirect_stdout(Both()) as said:
            run()
        about = module.__doc__.partition("\n")[0]
        page.append(f"## {title}\n\n{about}\n\n```\n{said.getvalue().strip()}\n```\n")
    replace_file(Path(__file__).parents[1] / "results" / "benchmarks.md", "\n".join(page).encode())


if __name__ == "__main__":
    main()
