"""The errors that end a command with one plain sentence instead of a traceback."""


class InputError(ValueError):
    """Bad input, found before any work: the message says what, where (file, line, option) and what to do."""


class TrainingDiverged(RuntimeError):
    """A training's loss left the finite numbers; the message names the seed and the step."""
