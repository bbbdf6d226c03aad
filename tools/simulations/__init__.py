"""Simulations of intervals, tests, ranks, plans and claims, whose tables stand in two pages of docs.

python -m tools.simulations.intervals     # each finished cell is kept in results/; the same command goes on
python -m tools.simulations.tests
python -m tools.simulations.ranks
python -m tools.simulations.power
python -m tools.simulations.claims
python -m tools.simulations.page --write  # the tables in both pages
"""
