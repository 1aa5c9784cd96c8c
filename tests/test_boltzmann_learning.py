"""Learning rules, reconstruction and files of Boltzmann machines."""
import numpy as np
import pytest
from test_boltzmann import codes, random_machine

from spikelearn import SpikelearnError
from spikelearn.boltzmann.exact import all_states, log_likelihood
from spikelearn.boltzmann.files import load, save
from spikelearn.boltzmann.machine import Machine, new_machine
from spikelearn.boltzmann.rules import learning_rule
from spikelearn.boltzmann.sampling import CORRUPTIONS, generated, hidden_part, reconstructed
from spikelearn.boltzmann.train import train, train_kept
from spikelearn.images.datasets import load as load_dataset
from spikelearn.training.adam import Adam


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
