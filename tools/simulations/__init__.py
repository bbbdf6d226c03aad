"""Simulations of intervals, tests, ranks and plans; docs/statistics.md has their tables.

python -m tools.simulations.intervals     # each finished cell is kept in results/; the same command goes on
python -m tools.simulations.tests
python -m tools.simulations.ranks
python -m tools.simulations.power
python -m tools.simulations.page --write  # the tables in docs/statistics.md
"""
