"""Tests of several rooms together, in one process or by the command."""
