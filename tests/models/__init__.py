"""Tests of figures: worked examples, properties, and the models beside plain references."""
