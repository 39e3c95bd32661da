"""Small tables of facts about countries and cities, written as text and parsed at import."""
