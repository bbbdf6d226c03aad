"""Model families, loading, editable bundles and drawing; the core's only access to diffusers."""
