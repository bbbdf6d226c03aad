"""The nouns of the benchmark: frozen, checked at birth, free of files and of torch."""
