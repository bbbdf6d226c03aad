"""Scripts of the project's makers: they need the checkout and its development dependencies."""
