"""The pages of the leaderboard: what each says, how they are drawn and written. Values come from `lodo.reports`."""
