def tokenize_word(word, merges):
    """Of the pairs that are there, the one that was learned first, until none is left."""
    rank = {tuple(pair): number for number, pair in enumerate(merges)}
    tokens = list(word)
    while True:
        found = [rank[pair] for pair in pairwise(tokens) if pair in rank]
        if not found:
            return tokens
        a, b = merges[min(found)]
        place = 0
        while place < len(tokens) - 1:
            if (tokens[place], tokens[place + 1]) == (a, b):
                tokens[place : place + 2] = [a + b]
            place += 1
