"""`python -m iceb` is the command `iceb`."""

from iceb.cli.main import main

if __name__ == "__main__":
    main()
