"""Pages for people: feedback, reports, and what they are made of."""
