def pre_tokenize(text):
    """Marked first, where the pattern allows it, and capitalised by hand."""
    words = []
    for match in PIECE.finditer(text):
        space = match[0][: len(match[0]) - len(match[0].lstrip(" "))]
        word = match[0][len(space) :]
        if len(word) > 1 and all(c.isalpha() and c == c.upper() for c in word):
            word = word[0] + word[1:].lower()
        words.append("Ġ" * len(space) + word.translate({10: "Ċ"}))
    return words
