"""The models that are shipped: one file each, under neurons/ and synapses/."""
