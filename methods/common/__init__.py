"""Parts that methods share: text encoders by layers, closed forms, moments, the denoiser, training, corpora."""
