"""The only door to diffusers and transformers: loading, editing and drawing."""
