"""MACE: erase many concepts by refining cross-attention, one low-rank term per concept, and one closed form.

arXiv:2403.06135.
"""
