"""`python -m tradepost` runs the `tradepost` command."""

from tradepost.cli import main

if __name__ == "__main__":
    main()
