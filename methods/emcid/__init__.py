"""EMCID: massive concept editing by optimised value vectors and one closed form per layer (arXiv:2403.13807)."""
