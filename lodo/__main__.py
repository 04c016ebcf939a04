"""`python -m lodo` is the command line."""

from lodo.benchmark.cli import main

if __name__ == "__main__":
    main()
