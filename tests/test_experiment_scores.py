"""E of the eight published triplet sets on six experiments, as it was when the experiments were Python functions."""
import numpy as np
import pytest

from spikelearn import load_model
from spikelearn.stdp.experiments import experiment, score
from spikelearn.stdp.weight_change import weight_changes

NAMES = ("sjostrom_frequency", "sjostrom_trains", "wang_hippocampus",
         "markram_frequency", "nevian_bursts", "bi_poo_window")
E = {       # in the order of NAMES
    ("stdp_triplet", "visual_cortex_full"): (
        0.3416203847001632, 6.2110190814241815, 88.48919143817491,
        5.06584505540639, 5.030558740888995, 20.329476414439284),
    ("stdp_triplet", "visual_cortex_minimal"): (
        0.35596925157986314, 5.751857087341248, 87.48247030868816,
        4.9613915635207615, 5.178552542089632, 20.45203801727041),
    ("stdp_triplet", "hippocampus_full"): (
        42.45886699799618, 6.339407012358943, 2.8292111847764754,
        9.299530988374519, 3.470441095541858, 10.01664199802684),
    ("stdp_triplet", "hippocampus_minimal"): (
        3.693328166729613, 3.684988133214387, 3.2675141527316347,
        6.708881318128024, 1.7356467407765022, 8.910101585876818),
    ("stdp_triplet_nearest", "visual_cortex_full"): (
        0.2321931536223314, 0.4660662811041788, 174.36583835425998,
        3.0147940491203644, 4.641536312370061, 20.789940983606808),
    ("stdp_triplet_nearest", "visual_cortex_minimal"): (
        0.34817689334722834, 0.3543479949839724, 131.46157898917636,
        2.0703599790208025, 3.833439586874623, 21.884201068559456),
    ("stdp_triplet_nearest", "hippocampus_full"): (
        5.18687521715682, 4.538760887022947, 2.715928072721243,
        7.0774667201824295, 3.2262454737750126, 11.061608567824646),
    ("stdp_triplet_nearest", "hippocampus_minimal"): (
        5.169613920179674, 4.524241966611073, 2.711524177593635,
        7.04320215378087, 3.226979535711866, 11.061611135764455),
}


@pytest.mark.long
@pytest.mark.parametrize("rule, chosen", E)
def test_the_experiments_give_the_same_error_to_the_last_digit(rule, chosen):
    """Equal up to the rounding of one floating-point operation."""
    data = [experiment(name) for name in NAMES]
    found = weight_changes([p for it in data for p in it.pairings],
                           load_model(rule).with_parameters(parameters=chosen), device="numpy")
    ends = np.cumsum([len(it.pairings) for it in data])[:-1]
    scores = [score(change, it.mean, it.sem) for it, change in zip(data, np.split(found, ends), strict=True)]
    assert scores == pytest.approx(E[rule, chosen], rel=1e-13, abs=0)
