"""The only door to diffusers: families, loading, the bundle that can be edited, and the pictures it draws."""
