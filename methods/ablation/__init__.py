"""Concept Ablation (Kumari et al. 2023, arXiv:2303.13516): a concept's prompts come to give its anchor's pictures."""
