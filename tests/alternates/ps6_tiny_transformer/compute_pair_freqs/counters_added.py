def compute_pair_freqs(splits, word_freqs):
    """All pairs of all words in one list, each as often as its word."""
    from collections import defaultdict

    found = defaultdict(int)
    for word, count in word_freqs.items():
        for pair in zip(splits.get(word, [])[:-1], splits.get(word, [])[1:], strict=True):
            found[pair] += count
    return dict(found)
