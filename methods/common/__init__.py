"""What methods share: text encoders cut open, closed forms, second moments, the denoiser, training, corpora."""
