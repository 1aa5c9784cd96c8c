"""The deep generative model trained by variational EM and target propagation."""
