"""Unsupervised learning of images by competing spiking neurons: network, labels of neurons, recipe, training."""
