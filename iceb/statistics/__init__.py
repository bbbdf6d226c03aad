"""Statistics of per-concept numbers; a function that follows a source names it, the rest are definitions of ours."""
