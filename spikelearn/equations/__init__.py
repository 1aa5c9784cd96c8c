"""What a model file holds: records of neurons and synapses, their checks, and loading them."""
