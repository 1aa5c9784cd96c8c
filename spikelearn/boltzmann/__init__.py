"""Boltzmann machines by variational probability flow: in minibatches and on spikes."""
