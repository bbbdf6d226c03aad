"""The tuning protocol: validation concepts, trials, their record, and the recipe made of the best."""
