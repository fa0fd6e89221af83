"""`python -m tradepost` is `tradepost`."""

from tradepost.cli import main

if __name__ == "__main__":
    main()
