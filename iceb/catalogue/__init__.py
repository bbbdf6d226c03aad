"""Data files become requests and prompts."""
