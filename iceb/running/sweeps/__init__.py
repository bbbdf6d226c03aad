"""Sweeps: runs of methods × tasks × numbers of edits × settings, planned and carried out as one."""
