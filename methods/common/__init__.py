"""Code shared by methods: text encoders, closed forms, moments, the denoiser, training, corpora."""
