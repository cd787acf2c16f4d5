"""Tests of what people do: commands, servers, browsers, whole worlds."""
