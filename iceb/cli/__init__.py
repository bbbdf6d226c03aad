"""The command line; every heavy import stands inside the function that needs it."""

import os

# Looking for pydantic's own plugins ends in a traceback where any installed package has malformed metadata.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
