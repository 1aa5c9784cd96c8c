"""Figures: no text below 8 points, in the sources of every protocol and in figures that are drawn."""
import re
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

import spikelearn as sl
from spikelearn.command import run as running
from spikelearn.command.output import picture

ROOT = Path(__file__).parent.parent
SOURCES = [ROOT / "spikelearn" / "plotting.py", *sorted((ROOT / "spikelearn").rglob("*figure*.py")),
           *sorted((ROOT / "protocols").glob("[!_]*.py"))]
SIZE = re.compile(r"(?:fontsize\s*=\s*|labelsize\s*=\s*|set_fontsize\(\s*)([\d.]+)")
SMALLEST = 8        # points
CHEAP = ["stdp_window", "stdp_triplets", "stdp_quadruplets", "stdp_frequency", "short_term", "stdp_experiment"]
LONGER = ["presynaptic_expression", "stdp_clamp", "stdp_bursts", "btsp_window"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_source_asks_for_small_text(path):
    sizes = [float(size) for size in SIZE.findall(path.read_text(encoding="utf-8"))]
    assert all(size >= SMALLEST for size in sizes), min(sizes)


def test_sources_state_sizes():
    assert sum(len(SIZE.findall(path.read_text(encoding="utf-8"))) for path in SOURCES) > 100


def covers(legend, line):
    """Whether a legend lies over a vertex of a line; the lines that mark zero may run below it."""
    if line.get_linestyle() == "--" and len(line.get_xdata()) == 2:
        return False
    points = line.get_transform().transform(np.asarray(line.get_xydata(), dtype=float))
    inside = line.axes.get_window_extent()
    box = legend.get_window_extent()
    return any(box.contains(*point) and inside.contains(*point) for point in points)


@pytest.mark.long
@pytest.mark.parametrize("name", [*CHEAP, *(pytest.param(name, marks=pytest.mark.slow) for name in LONGER)])
def test_no_text_of_a_figure_is_small_and_no_legend_covers_data(name):
    result, module = sl.run(name, quick=True), running.load_protocol(name)
    figure = Figure(figsize=getattr(module, "FIGURE_SIZE", (7, 4.5)), layout="constrained")
    module.plot(result, figure)
    figure.savefig(BytesIO(), format="png")         # lays it out
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert len(texts) > 5
    small = {text.get_text(): text.get_fontsize() for text in texts if text.get_fontsize() < SMALLEST}
    assert not small
    covered = [(axes.get_title(), line.get_label()) for axes in figure.axes if axes.get_legend()
               for line in axes.lines if covers(axes.get_legend(), line)]
    assert not covered


def test_a_picture_laid_out_once_is_that_of_savefig():
    def plot(result, figure):
        for axes in figure.subplots(2, 2).flat:
            mesh = axes.pcolormesh([[1e-3, 2], [3, 4e4]])
            axes.set(xlabel="a long label of the axis\nin two lines", ylabel="potential (mV)", title="title")
        figure.colorbar(mesh, ax=axes, label="weight")
        figure.legend([mesh], ["outside"], loc="outside lower center")

    expected = BytesIO()
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    plot(None, figure)
    figure.savefig(expected, format="png", dpi=150)
    assert imread(BytesIO(picture(SimpleNamespace(plot=plot), None))).shape == (675, 1050, 4)
    assert np.array_equal(imread(BytesIO(picture(SimpleNamespace(plot=plot), None))),
                          imread(BytesIO(expected.getvalue())))
