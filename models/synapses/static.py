"""A weight that never changes: the null model, and any network after learning."""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="The null model: nothing is learnt",
    equations="w : 1      # weight",
    initial=dict(w=1),    # relative to the weight before pairing
)
