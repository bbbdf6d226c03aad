"""Models: families, loading, bundles that can be edited, and drawing; the core's only access to diffusers."""
