def train_bpe(word_freqs, vocab_size):
    """All words are read again for each merge."""
    alphabet = sorted({character for word in word_freqs for character in word})
    vocab = dict(zip(alphabet, range(len(alphabet)), strict=True))
    splits, merges = {word: list(word) for word in word_freqs}, []
    while len(vocab) < vocab_size:
        pair_freqs = compute_pair_freqs(splits, word_freqs)
        if not pair_freqs:
            break
        most = max(pair_freqs.values())
        tied = [pair for pair, count in pair_freqs.items() if count == most]
        best = sorted(tied, key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))[0]
        splits = merge_pair(*best, splits)
        merges.append(best)
        vocab["".join(best)] = len(vocab)
    return merges, vocab
