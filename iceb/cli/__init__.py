"""The command line; every heavy import stands inside the function that needs it."""
