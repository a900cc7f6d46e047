def compute_pair_freqs(splits, word_freqs):
    """A plain dict and an index."""
    found = {}
    for word in splits:
        tokens, count = splits[word], word_freqs[word]
        for place in range(len(tokens) - 1):
            pair = (tokens[place], tokens[place + 1])
            found[pair] = found.get(pair, 0) + count
    return found
