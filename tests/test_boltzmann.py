"""Boltzmann machines against enumeration, finite differences, naive loops and closed forms."""
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import logsumexp

from spikelearn import SpikelearnError, annealing
from spikelearn.boltzmann import (
    Machine,
    all_states,
    bottom_up,
    energy,
    flow,
    log_likelihood,
    log_partition,
    new_machine,
    pair_flow,
    resampled,
    sigmoid,
    split,
    sweep,
)
from spikelearn.boltzmann_sampling import CORRUPTIONS, generated, hidden_part, mean_activation, reconstructed
from spikelearn.boltzmann_training import Adam, learning_rule, train, train_kept
from spikelearn.datasets import load as load_dataset
from spikelearn.machine_files import load, save


def random_machine(sizes, lateral=(), seed=0, scale=1.0):
    """Every parameter drawn; lateral weights symmetric."""
    rng = np.random.default_rng(seed)

    def draw(name, array):
        new = rng.normal(0, scale, array.shape)
        return np.triu(new, 1) + np.triu(new, 1).T if name.startswith("lateral") else new

    return new_machine(sizes, lateral=lateral).mapped(draw)


def random_states(machine, n, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 2, (n, size)).astype(float) for size in machine.sizes]


def all_weights(machine):
    """One symmetric matrix over all units, and one vector of biases."""
    edges = np.cumsum([0, *machine.sizes])
    W = np.zeros((edges[-1], edges[-1]))
    for k, w in enumerate(machine.weights):
        W[edges[k]:edges[k + 1], edges[k + 1]:edges[k + 2]] = w
        W[edges[k + 1]:edges[k + 2], edges[k]:edges[k + 1]] = w.T
    for k, J in enumerate(machine.lateral):
        if J is not None:
            W[edges[k]:edges[k + 1], edges[k]:edges[k + 1]] = J
    return W, np.concatenate(machine.biases)


def boltzmann_law(machine):
    """P of every joint state, by loops over pairs of units."""
    W, b = all_weights(machine)
    y = all_states(len(b))
    E = np.zeros(len(y))
    for i in range(len(b)):
        E -= b[i] * y[:, i]
        for j in range(i):
            E -= W[i, j] * y[:, i] * y[:, j]
    return y, np.exp(-E - logsumexp(-E))


def chain(machine):
    """Rates of the continuous-time chain over all states, by naive loops: (states, states)."""
    W, b = all_weights(machine)
    y = all_states(len(b))
    Q = np.zeros((len(y), len(y)))
    for s, state in enumerate(y):
        for j in range(len(b)):
            t = s ^ 1 << len(b) - 1 - j
            Q[s, t] = np.exp((.5 - state[j]) * (sum(W[i, j] * state[i] for i in range(len(b))) + b[j]))
        Q[s, s] = -Q[s].sum()
    return Q


MACHINES = [((6,), (0,)), ((4, 3), ()), ((4, 3), (1,)), ((3, 3, 2), (1, 2)), ((3, 2, 2, 2), ()), ((3, 3), (0, 1))]


@pytest.mark.parametrize("flow", [flow, pair_flow])
@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_gradient_of_the_flow_is_that_of_finite_differences(sizes, lateral, flow):
    machine = random_machine(sizes, lateral)
    states = random_states(machine, 7)
    _, gradient = flow(machine, states)
    h, found = 1e-5, gradient.arrays()
    for name, array in machine.arrays().items():
        for place in np.ndindex(array.shape):
            if name.startswith("lateral") and place[0] == place[1]:
                assert found[name][place] == 0
                continue
            K = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in machine.arrays().items()}
                moved[name][place] += sign * h
                if name.startswith("lateral"):
                    moved[name][place[::-1]] += sign * h
                K.append(flow(machine.mapped(lambda key, _, moved=moved: moved[key]), states)[0])
            assert found[name][place] == pytest.approx((K[0] - K[1]) / (2 * h), rel=1e-7, abs=1e-7), (name, place)


@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_flow_is_the_sum_of_the_rates_of_the_chain(sizes, lateral):
    machine = random_machine(sizes, lateral)
    Q = chain(machine)
    data = np.array([3, 17, 17, 40]) % len(Q)
    K, _ = flow(machine, split(machine, all_states(sum(sizes))[data]))
    assert K == pytest.approx(-Q[data, data].mean(), rel=1e-12)


def test_flow_of_pairs_by_hand():
    """Two states of a 1-1-1 machine: the middle unit flips under the lower weight alone and under the upper alone."""
    machine = Machine((np.array([.1]), np.array([.2]), np.array([.3])), (np.array([[2.]]), np.array([[-1.]])))
    K, _ = pair_flow(machine, [np.array([[1.], [0]]), np.array([[1.], [1]]), np.array([[1.], [0]])])
    first = np.exp(-.5 * np.array([2.1, 2.2, -.8, -.7])).sum()
    second = np.exp([.5 * 2.1, -.5 * .2, -.5 * .2, .5 * -.7]).sum()
    assert K == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_detailed_balance_of_the_chain(sizes, lateral):
    """exp(-E) of the module and the naive rates: no net flow between any two states."""
    machine = random_machine(sizes, lateral)
    y, known = boltzmann_law(machine)
    P = np.exp(-energy(machine, split(machine, y)) - log_partition(machine))
    flux = P[:, None] * chain(machine)
    assert P == pytest.approx(known, rel=1e-12)
    assert np.abs(flux - flux.T).max() < 1e-12


def test_bound_of_the_visible_divergence_on_three_and_three_units():
    """KL(p0(v) || p_t(v)) <= KL(p0(v) q(h|v) || p_t(v, h)) for every t, q the posterior; K bounds the slope at 0."""
    machine = random_machine((3, 3), seed=5)
    y, P = boltzmann_law(machine)
    data = np.array([.5, 0, 0, .3, 0, .2, 0, 0])       # of the visible states
    posterior = P.reshape(8, 8) / P.reshape(8, 8).sum(axis=1, keepdims=True)
    start = data[:, None] * posterior
    Q, previous = chain(machine), 0
    for t in (1e-3, .01, .1, .5, 2, 10):
        now = (start.ravel() @ expm(Q * t)).reshape(8, 8)
        visible, joint = divergence(data, now.sum(axis=1)), divergence(start.ravel(), now.ravel())
        assert 0 <= visible <= joint
        assert previous < joint
        previous = joint
    K = sum(start.ravel()[s] * flow(machine, split(machine, y[[s]]))[0] for s in range(64))
    support = start.ravel() > 0
    slope = -(start.ravel() @ Q)[support].sum()
    assert 0 < slope <= K
    assert divergence(start.ravel(), start.ravel() @ expm(Q * 1e-7)) / 1e-7 == pytest.approx(slope, rel=1e-4)
    # what K counts beyond the slope are flips of hidden units, among states of the data themselves
    hidden = sum(start.ravel()[s] * Q[s, s ^ 1 << j] for s in range(64) for j in range(3))
    assert K - hidden == pytest.approx(slope, rel=1e-12)


def divergence(p, q):
    on = p > 0
    return float(np.sum(p[on] * np.log(p[on] / q[on])))


def test_flow_is_the_slope_of_the_divergence_where_no_data_are_neighbours():
    machine = random_machine((5,), (0,), seed=2)
    p0 = np.zeros(32)
    p0[[0, 3, 12, 29]] = .25
    K, _ = flow(machine, [all_states(5)[p0 > 0]])
    assert K == pytest.approx(-(p0 @ chain(machine))[p0 > 0].sum(), rel=1e-12)


def test_a_fully_visible_machine_finds_the_weights_it_was_drawn_from():
    true = random_machine((10,), (0,), seed=3, scale=.7)
    y, P = boltzmann_law(true)
    samples = y[np.random.default_rng(4).choice(len(y), 100_000, p=P)]
    found, curve = train(new_machine((10,), lateral=(0,)), samples, epochs=12, batch=500, rate=.02, last_rate=.05,
                         weight_decay=0)
    pairs = np.triu_indices(10, 1)
    assert np.corrcoef(found.lateral[0][pairs], true.lateral[0][pairs])[0, 1] >= .99
    assert np.abs(found.lateral[0] - true.lateral[0]).max() < .15
    assert np.array_equal(found.lateral[0], found.lateral[0].T)
    assert curve["objective"][-1] < curve["objective"][0]


def test_likelihood_of_a_restricted_machine_is_that_of_its_joint_law():
    for sizes in ((4, 3), (3, 4)):
        machine = random_machine(sizes)
        y, P = boltzmann_law(machine)
        visible = P.reshape(2 ** sizes[0], -1).sum(axis=1)
        assert np.exp(log_likelihood(machine, all_states(sizes[0]))) == pytest.approx(visible, rel=1e-12)
        with_layer = Machine((*machine.biases, np.zeros(1)), (*machine.weights, np.zeros((sizes[1], 1))))
        assert np.exp(log_likelihood(with_layer, all_states(sizes[0]))) == pytest.approx(visible, rel=1e-12)
    with pytest.raises(SpikelearnError, match="too many states"):
        log_partition(new_machine((784, 30)))


def test_annealing_finds_log_z():
    machine = random_machine((10, 8), seed=6, scale=.8)
    found, error = annealing.log_partition(machine, np.full(10, .4), chains=300, betas=300, seed=1)
    assert error < .1
    assert abs(found - log_partition(machine)) < 3 * error
    empty = Machine((machine.biases[0], np.zeros(8)), (np.zeros((10, 8)),))
    mean = sigmoid(machine.biases[0])
    assert annealing.log_partition(empty, mean, chains=3, betas=2) == pytest.approx(
        (np.log1p(np.exp(machine.biases[0])).sum() + 8 * np.log(2), 0), abs=1e-9)
    with pytest.raises(SpikelearnError, match="restricted"):
        annealing.log_partition(new_machine((3, 2, 2)), np.full(3, .5))


def test_sweep_is_one_unit_after_the_other():
    """Blocks of any size: the naive loop with the same random numbers, drawn block by block."""
    machine = random_machine((7,), (0,), seed=8)
    y = random_states(machine, 50)[0]
    for block in (1, 3, 32):
        rng, naive = np.random.default_rng(2), y.copy()
        for first in range(0, 7, block):
            u = rng.random((50, min(block, 7 - first)))
            for j in range(u.shape[1]):
                z = naive @ machine.lateral[0][:, first + j] + machine.biases[0][first + j]
                naive[:, first + j] = u[:, j] < 1 / (1 + np.exp(-z))
        z = np.tile(machine.biases[0], (50, 1))
        swept = sweep(z, y.copy(), machine.lateral[0], np.random.default_rng(2), block)
        assert np.array_equal(swept, naive), block


def test_gibbs_sampling_of_all_layers_keeps_the_boltzmann_law():
    machine = random_machine((3, 2, 2), (1,), seed=9)
    y, P = boltzmann_law(machine)
    rng = np.random.default_rng(3)
    states = split(machine, y[rng.choice(len(y), 40_000, p=P)])
    for k in (0, 1, 2, 1):
        states[k] = resampled(machine, states, k, rng)
    share = np.bincount(codes(np.hstack(states)), minlength=len(y)) / 40_000
    assert np.max(np.abs(share - P) / np.sqrt(P * (1 - P) / 40_000)) < 4.5       # 128 states


def codes(y):
    return (y @ 2 ** np.arange(y.shape[1])[::-1]).astype(int)


def test_bottom_up_draws_the_posterior_of_a_restricted_machine_and_ignores_what_is_above():
    machine = random_machine((3, 2, 2), seed=4)
    v = np.tile([1., 0, 1], (20_000, 1))
    h = bottom_up(machine, v, np.random.default_rng(1))
    for k in (1, 2):
        expected = sigmoid(h[k - 1] @ machine.weights[k - 1] + machine.biases[k])
        assert np.abs(h[k].mean(axis=0) - expected.mean(axis=0)).max() < 4 * .5 / np.sqrt(20_000)
    assert mean_activation(machine, v, np.random.default_rng(2)) == pytest.approx(h[2].mean(axis=0), abs=.02)


@pytest.mark.parametrize("rule", ["cd60", "pcd60"])
def test_contrastive_divergence_with_many_steps_is_the_gradient_of_the_likelihood(rule):
    machine = random_machine((4, 3), seed=7, scale=.5)
    v = np.random.default_rng(5).integers(0, 2, (20_000, 4))
    learning = learning_rule(rule)
    learning.start(machine, v.astype(np.uint8), None)
    _, gradient = learning.gradient(machine, slice(0, len(v)), np.random.default_rng(6))
    counts, h = np.bincount(codes(v), minlength=16) / len(v), 1e-5
    for name, array in machine.arrays().items():
        for place in np.ndindex(array.shape):
            L = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in machine.arrays().items()}
                moved[name][place] += sign * h
                L.append(counts @ log_likelihood(machine.mapped(lambda key, _, moved=moved: moved[key]),
                                                 all_states(4)))
            exact = -(L[0] - L[1]) / (2 * h)
            assert abs(gradient.arrays()[name][place] - exact) < 4 * .5 / np.sqrt(len(v)), name


def test_unknown_rules_are_refused():
    with pytest.raises(SpikelearnError, match="known: vpf, vpf_joint, cd1, pcd1"):
        learning_rule("pcd0")
    with pytest.raises(SpikelearnError, match="restricted"):
        train(new_machine((4, 2, 2)), np.zeros((3, 4)), "cd1", epochs=1)
    with pytest.raises(SpikelearnError, match="symmetric"):
        Machine((np.zeros(2),), (), (np.array([[0, 1.], [2, 0]]),))
    with pytest.raises(SpikelearnError, match="weights of"):
        Machine((np.zeros(2), np.zeros(3)), (np.zeros((3, 2)),))


def test_adam_by_hand():
    """First step: rate against the sign of the gradient; second by its two means."""
    adam = Adam({"weights_0": np.array([1., -2.]), "biases_0": np.array([0.])})
    adam.step({"weights_0": np.array([3., -.5]), "biases_0": np.array([2.])}, .1)
    assert adam.arrays["weights_0"] == pytest.approx([.9, -1.9], abs=1e-7)
    adam.step({"weights_0": np.array([-1., 0.]), "biases_0": np.array([0.])}, .1)
    m, s = (.09 * 3 + .1 * 1 * np.array([-1])) / .19, (.000999 * 9 + .001) / .001999
    assert adam.arrays["weights_0"][0] == pytest.approx(.9 - .1 * (.27 - .1) / .19 / np.sqrt(s), rel=1e-6)
    assert m[0] == pytest.approx((.27 - .1) / .19)
    adam.step({"weights_0": np.zeros(2), "biases_0": np.zeros(1)}, 0., weight_decay=.5)
    assert adam.mean["biases_0"][0] == pytest.approx(.9 * .9 * .2)


@pytest.mark.parametrize("rule, sizes, lateral",
                         [("vpf", (9, 5), ()), ("pcd2", (9, 5), ()), ("vpf", (9, 5, 4), (1, 2))])
def test_a_training_goes_on_bit_for_bit(tmp_path, rule, sizes, lateral):
    x = (np.random.default_rng(1).random((60, 9)) < .3).astype(np.float32)
    settings = dict(rule=rule, batch=20, rate=.02, seed=3)
    machine = new_machine(sizes, lateral=lateral, dtype=np.float32)
    whole = train(machine, x, epochs=5, **settings)
    train(machine, x, epochs=2, checkpoint=tmp_path / "c.npz", **settings)
    resumed = train(machine, x, epochs=5, resume=tmp_path / "c.npz", **settings)
    for name, array in whole.machine.arrays().items():
        assert np.array_equal(array, resumed.machine.arrays()[name]), name
    assert np.array_equal(whole.curve["objective"], resumed.curve["objective"])
    assert not np.array_equal(whole.machine.weights[0], machine.weights[0])
    with pytest.raises(SpikelearnError, match="batch=20"):
        train(machine, x, epochs=5, resume=tmp_path / "c.npz", **{**settings, "batch": 30})


def test_a_checkpoint_is_kept_beside_the_result(tmp_path):
    x = np.eye(6)
    settings = dict(rule="cd1", name="cd1-1", out=str(tmp_path / "result"))
    short = train_kept(new_machine((6, 2)), x, epochs=2, **settings)
    assert (tmp_path / "result.cd1-1.checkpoint.npz").is_file()
    again = train_kept(new_machine((6, 2)), x, epochs=2, resume=str(tmp_path / "result"), rule="cd1", name="cd1-1")
    assert np.array_equal(short.machine.weights[0], again.machine.weights[0])
    assert again.curve["seconds"] == pytest.approx(short.curve["seconds"])       # nothing was learnt anew


def test_a_machine_is_saved_and_loaded(tmp_path):
    machine = random_machine((5, 4, 3), (2,))
    path = tmp_path / "machine.npz"
    save(machine, path, rule="vpf", epochs=3)
    loaded, facts = load(path)
    assert facts == {"rule": "vpf", "epochs": 3} and loaded.sizes == (5, 4, 3) and loaded.lateral[1] is None
    for name, array in machine.arrays().items():
        assert np.array_equal(array, loaded.arrays()[name])
    with pytest.raises(SpikelearnError, match="nothing is overwritten"):
        save(machine, path)
    content = path.read_bytes()
    for where, damaged in {"cut": content[:len(content) // 2], "flipped": flipped(content), "text": b"no machine",
                           "empty": b""}.items():
        (tmp_path / where).write_bytes(damaged)
        with pytest.raises(SpikelearnError, match="damaged or no Boltzmann machine"):
            load(tmp_path / where)
    np.savez(tmp_path / "foreign.npz", weights_0=np.zeros((2, 2)))
    with pytest.raises(SpikelearnError, match="damaged or no Boltzmann machine"):
        load(tmp_path / "foreign.npz")
    np.savez(tmp_path / "pickled.npz", facts=np.array([{"a": 1}], dtype=object))
    with pytest.raises(SpikelearnError, match="damaged or no Boltzmann machine"):
        load(tmp_path / "pickled.npz")
    with pytest.raises(SpikelearnError, match="there is no machine"):
        load(tmp_path / "none.npz")


def flipped(content):
    changed = bytearray(content)
    place = content.index(b"\x93NUMPY", content.index(b"weights_0")) + 140       # within the numbers of an array
    changed[place] ^= 255
    return bytes(changed)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_half_of_each_image_is_hidden(corruption):
    mask = hidden_part(corruption, 40, 8, np.random.default_rng(1)).reshape(40, 8, 8)
    assert (mask.sum(axis=(1, 2)) == 32).all()
    whole_lines = {"rows": 2, "columns": 1, "top": 2, "bottom": 2, "left": 1, "right": 1}
    if corruption in whole_lines:
        share = mask.mean(axis=whole_lines[corruption])
        assert set(np.unique(share)) == {0, 1}
    if corruption in ("rows", "columns", "pixels"):
        assert not (mask == mask[0]).all()
    corner = {"top": (0, 7), "bottom": (7, 0), "left": (7, 0), "right": (0, 7)}
    if corruption in corner:
        assert mask[:, *corner[corruption]].all()


def test_reconstruction_follows_the_conditional_law():
    machine = random_machine((4, 3), seed=11)
    images, hidden = np.tile([1., 0, 1, 0], (20_000, 1)), np.zeros((20_000, 4), bool)
    hidden[:, [1, 3]] = True
    found = reconstructed(machine, images, hidden, np.random.default_rng(1), steps=60)
    assert (found[:, [0, 2]] == 1).all()
    p = np.exp(log_likelihood(machine, np.array([[1, a, 1, b] for a in (0, 1) for b in (0, 1)])))
    share = np.bincount(codes(found[:, [1, 3]]), minlength=4) / 20_000
    assert np.abs(share - p / p.sum()).max() < 4 * .5 / np.sqrt(20_000)
    smooth = reconstructed(machine, images, hidden, np.random.default_rng(1), steps=60, average=50)
    assert smooth[:, 1].mean() == pytest.approx((p[2] + p[3]) / p.sum(), abs=.01)


def test_generation_by_a_restricted_machine_follows_its_law():
    machine = random_machine((4, 3), seed=12)
    grey = generated(machine, 20_000, np.random.default_rng(1), top_steps=60)
    P = np.exp(log_likelihood(machine, all_states(4)))
    assert np.abs(grey.mean(axis=0) - P @ all_states(4)).max() < 4 * .5 / np.sqrt(20_000)


def test_generation_starts_from_the_prior_and_goes_down():
    """Strong weights copy unit k of the top to unit k of each layer below; one step keeps what the prior gave."""
    copy = 40 * np.eye(3)
    machine = Machine((np.full(3, -20.),) * 3, (copy, copy), (None, None, np.zeros((3, 3))))
    grey = generated(machine, 4000, np.random.default_rng(1), prior=np.array([0, .25, 1]), top_steps=1)
    assert grey.mean(axis=0) == pytest.approx([0, .25, 1], abs=4 * .5 / np.sqrt(4000))
    fair = generated(machine, 4000, np.random.default_rng(1), top_steps=5, steps=2)
    assert fair.mean(axis=0) == pytest.approx([.5] * 3, abs=4 * .5 / np.sqrt(4000))


def test_minibatch_vpf_on_the_embedded_digits():
    """12 hidden units, exact validation log-likelihood: far above independent pixels, near our trial's -20.2."""
    data = load_dataset("digits")
    x, held_out = ((part.images.reshape(-1, 64) > 7).astype(float) for part in (data.train, data.validation))
    machine, _ = train(new_machine((64, 12), mean=x.mean(axis=0)), x, epochs=60, batch=50, rate=.01, weight_decay=.001)
    mean = np.clip(x.mean(axis=0), .005, .995)
    independent = (held_out * np.log(mean) + (1 - held_out) * np.log(1 - mean)).sum(axis=1).mean()
    assert independent < -24
    assert log_likelihood(machine, held_out).mean() > -21
