"""Errors, digests, files and messages; numpy and torch only where a value of theirs is digested."""
