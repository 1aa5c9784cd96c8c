"""Pairing protocols with two rules: both in the headline numbers and in one figure."""
import importlib

import pytest
from matplotlib.figure import Figure

from spikelearn.stdp.comparison import each_rule

PROTOCOLS = {"window": "bi_poo_window", "frequency": "sjostrom_frequency", "triplets": "wang_triplets",
             "quadruplets": "wang_quadruplets", "bursts": "nevian_bursts"}


@pytest.mark.long
@pytest.mark.parametrize("name", PROTOCOLS)
def test_two_rules_in_one_figure(name):
    """The static synapse has the null model's E; the figure names both rules."""
    module = importlib.import_module(f"spikelearn.protocols.stdp_{name}")
    result = module.run(("synapses/stdp_pair", "synapses/static"), device="numpy", quick=True)
    h, key = result.headline, PROTOCOLS[name]
    assert h[f"E_{key}_static"] == pytest.approx(h[f"E_null_{key}"], rel=1e-9) != h[f"E_{key}_stdp_pair"]
    assert [rule for rule, *_ in each_rule(result)] == ["stdp_pair", "static"]
    figure = Figure(figsize=module.FIGURE_SIZE, layout="constrained")
    module.plot(result, figure)
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    said = " ".join(text.get_text() for legend in legends if legend for text in legend.get_texts())
    assert "stdp_pair" in said and "static" in said
