"""BindsNET learns some images in its own environment: seconds of each, as JSON. `peers.py` runs this.

    python -I peer_bindsnet.py IMAGES.npy

The network is its model DiehlAndCook2015 with the numbers of its example eth_mnist, but 400 neurons instead of 100. Of
the example's monitors one is left, the spikes of the excitatory neurons, from which it labels them; it draws nothing.
"""
import importlib.util
import json
import sys
import time
import types

import numpy as np
import torch

NEURONS, TIME, DT, INTENSITY = 400, 250, 1.0, 128


def parts_of_bindsnet():
    """Import the parts of BindsNET that the network needs.

    `import bindsnet` would import every part, and with them image, game and table libraries of some 300 MB.
    """
    package = types.ModuleType("bindsnet")
    package.__path__ = list(importlib.util.find_spec("bindsnet").submodule_search_locations)
    sys.modules["bindsnet"] = package
    import bindsnet.network  # noqa: F401, I001  (the other parts need it first)
    from bindsnet.encoding import PoissonEncoder
    from bindsnet.models import DiehlAndCook2015
    from bindsnet.network.monitors import Monitor

    return DiehlAndCook2015, PoissonEncoder, Monitor


def main(file):
    """Learn the images of a file, (n, 28, 28) bytes."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, encoder, monitor = parts_of_bindsnet()
    network = model(n_inpt=784, n_neurons=NEURONS, exc=22.5, inh=120, dt=DT, norm=78.4, theta_plus=0.05,
                    inpt_shape=(1, 28, 28))
    spikes = monitor(network.layers["Ae"], state_vars=["s"], time=int(TIME / DT))
    network.add_monitor(spikes, name="Ae_spikes")
    encode, seconds, counts = encoder(time=TIME, dt=DT), [], []
    for image in torch.from_numpy(np.load(file)):
        start = time.perf_counter()
        shown = encode(INTENSITY * image[None].float() / 255)
        network.run(inputs={"X": shown.view(int(TIME / DT), 1, 1, 28, 28)}, time=TIME)
        counts.append(int(spikes.get("s").sum()))
        network.reset_state_variables()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "steps": [int(TIME / DT)] * len(seconds), "spikes": counts, "dt": DT,
                      "torch": torch.__version__, "numpy": np.__version__}))


if __name__ == "__main__":
    main(sys.argv[1])
