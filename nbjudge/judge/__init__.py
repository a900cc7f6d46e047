"""Judging of submissions: intake, answer key, comparators, judge."""
