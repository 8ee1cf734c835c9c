"""The model card: what the model says, how well, for whom less well, where it comes from; for everybody."""
