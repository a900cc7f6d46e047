def train_bpe(word_freqs, vocab_size):
    """With ids in place of tokens, and nothing of the exercises before."""
    tokens = sorted(set("".join(word_freqs)))
    words = [([tokens.index(c) for c in word], count) for word, count in word_freqs.items()]
    merges = []
    while len(tokens) < vocab_size:
        counts = Counter()
        for ids, count in words:
            for pair in pairwise(ids):
                counts[pair] += count
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], -pair[0], -pair[1]))
        for ids, _ in words:
            place = 0
            while place + 1 < len(ids):
                if (ids[place], ids[place + 1]) == best:
                    ids[place : place + 2] = [len(tokens)]
                place += 1
        merges.append([tokens[best[0]], tokens[best[1]]])
        tokens.append(tokens[best[0]] + tokens[best[1]])
    return merges, {token: i for i, token in enumerate(tokens)}
