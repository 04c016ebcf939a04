"""WHAT is attributed: mixtures of training datasets, test sets with named subsets, models, recipes."""

if __name__ != "lodo.tasks":
    raise ImportError(
        "import this package as lodo.tasks, not as a top-level package: take the repository root off sys.path"
    )
