"""The language of conditions: what rows are asked for, and which rows those are."""
