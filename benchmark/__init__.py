"""The harness: trains, leaves out, runs methods, scores, stores; the command line."""

if __name__ != "lodo.benchmark":
    raise ImportError("import this package as lodo.benchmark, not as a top-level package: take the repository root off sys.path")
