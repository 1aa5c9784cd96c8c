"""A naive second implementation of the neurons that compete for images: plain loops over steps and neurons, no Brian2.

One step of dt: potentials relax for the conductances at its beginning; conductances and traces decay; all spikes of the
step are found; pixels' spikes reach the conductances, then post spikes change weights, then each spike inhibits all
other neurons; then resets. Times in seconds, potentials in volt.
"""
import math

import numpy as np

TAU, TAU_E, TAU_I, TAU_PRE, TAU_POST, TAU_THETA, REFRACTORY = 0.1, 1e-3, 2e-3, 0.02, 0.04, 1e4, 5e-3
REST, EXC, INH, OFFSET, ETA = -0.065, 0.0, -0.1, 0.072, 0.01


def scaled(w, norm):
    """Each column of w brought to the sum `norm`."""
    return np.array([[w[i, j] * norm / sum(w[:, j]) for j in range(w.shape[1])] for i in range(len(w))])


def show(spikes, w, theta, *, steps, norm, theta_plus, dt=5e-4, inhibition=30.0):
    """Show images one after the other.

    spikes : of each image, step -> pixels that spike in it, steps from 0. w : (pixels, n); theta : (n,).
    Returns (spikes of the neurons [(image, step, neuron), ...], w, theta).
    """
    w, theta, found = np.array(w, dtype=float), np.array(theta, dtype=float), []
    pixels, n = w.shape
    for image, at in enumerate(spikes):
        w = scaled(w, norm)
        v, g_e, g_i, post, left = [REST] * n, [0.0] * n, [0.0] * n, [0.0] * n, [0] * n
        pre = [0.0] * pixels
        for j in range(n):
            theta[j] *= math.exp(-steps * dt / TAU_THETA)
        for step in range(steps):
            for j in range(n):
                left[j] -= 1
                g = 1 + g_e[j] + inhibition * g_i[j]
                rest = (REST + g_e[j] * EXC + inhibition * g_i[j] * INH) / g
                if left[j] <= 0:
                    v[j] = rest + (v[j] - rest) * math.exp(-g * dt / TAU)
                g_e[j] *= math.exp(-dt / TAU_E)
                g_i[j] *= math.exp(-dt / TAU_I)
                post[j] *= math.exp(-dt / TAU_POST)
            pre = [trace * math.exp(-dt / TAU_PRE) for trace in pre]
            fired = [j for j in range(n) if left[j] <= 0 and v[j] > theta[j] - OFFSET]
            for i in at.get(step, ()):
                for j in range(n):
                    g_e[j] += w[i, j]
            for j in fired:
                for i in range(pixels):
                    w[i, j] = min(max(w[i, j] + ETA * pre[i] * post[j], 0), 1)
                for other in range(n):
                    g_i[other] += other != j
            for i in at.get(step, ()):
                pre[i] = 1.0
            for j in fired:
                found.append((image, step, j))
                v[j], theta[j], post[j], left[j] = REST, theta[j] + theta_plus, 1.0, round(REFRACTORY / dt)
    return found, w, theta
