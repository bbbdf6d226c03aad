"""Result files become ranked tables."""
