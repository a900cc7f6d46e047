"""From a submitted notebook to verdicts: intake, answer key, comparators, judge."""
