"""Tests of connectors: what they have in common, and each system's."""
