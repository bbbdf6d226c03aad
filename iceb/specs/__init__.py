"""The benchmark's data classes and interfaces: frozen, validated on creation, without torch."""
