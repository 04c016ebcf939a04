"""WHAT CAME OUT: the result tables and the pages made of them. Never imports torch."""

if __name__ != "lodo.reports":
    raise ImportError(
        "import this package as lodo.reports, not as a top-level package: take the repository root off sys.path"
    )
