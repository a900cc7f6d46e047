def make_windows(ids, seq_len, stride):
    """A list of slices."""
    starts = range(0, len(ids) - seq_len, stride)
    x = [ids[start : start + seq_len] for start in starts]
    y = [ids[start + 1 : start + seq_len + 1] for start in starts]
    return torch.tensor(x), torch.tensor(y)
