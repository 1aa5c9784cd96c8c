"""The figures that are computed for the site: a few seconds each, and once, unless the file behind one changes."""
import contextlib
import io
from pathlib import Path

from brian2 import ms
from matplotlib.figure import Figure

import spikelearn as sl
from spikelearn.command import run as running
from spikelearn.equations.files import load_model, shipped_models
from spikelearn.stdp.network import exact_between_spikes

SHORT_FORMS = ("early_inference langevin presynaptic_expression short_term stdp_bistate stdp_experiment "
               "stdp_quadruplets stdp_ramp stdp_trace stdp_triplets").split()


def window(name: str, picture: Path) -> bool:
    """Draw the STDP window of a rule. Returns False for a rule that reads potentials or takes time steps."""
    rule = load_model(name)
    if rule.neuron or any(rule.reads().values()) or not exact_between_spikes(rule):
        return False
    _draw(picture, shipped_models()[name], "stdp_window", (7, 4.8), synapse=name, spacing=2 * ms)
    return True


def short_form(name: str, picture: Path) -> bool:
    """Draw the figure of a protocol's short form. Returns False for a protocol whose short form takes long."""
    if name not in SHORT_FORMS:
        return False
    size = getattr(running.load_protocol(name), "FIGURE_SIZE", (7, 4.8))
    _draw(picture, running.shipped_protocols()[name], name, size, quick=True)
    return True


def _draw(picture, file, protocol, size, **settings):
    """Run a protocol and save its figure, unless the figure is newer than the file that it shows."""
    if picture.exists() and picture.stat().st_mtime > file.stat().st_mtime:
        return
    with contextlib.redirect_stdout(io.StringIO()):         # names headline numbers that a window lacks
        result = sl.run(protocol, device="numpy", **settings)
    figure = Figure(figsize=size, layout="constrained")
    result.plot(figure)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)
