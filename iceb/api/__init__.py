"""The Python API: a function for each command, with keyword arguments named as its options.

`iceb` shows these functions (`iceb.evaluate`, `iceb.compare`, …); docs/python.md has examples. They call what the
commands call, raise the same errors, print nothing, and import heavy libraries when they are called.
"""
