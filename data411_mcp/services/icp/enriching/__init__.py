"""Enriching one lookalike: its pages, what a model reads in them, its people and mailboxes."""
