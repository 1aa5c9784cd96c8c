"""Networks of leaky integrators that learn by free and nudged phases, on spikes and in rates; their energy."""
