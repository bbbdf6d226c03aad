"""The benchmark's data classes and interfaces: frozen, validated on creation, free of files and of torch."""
