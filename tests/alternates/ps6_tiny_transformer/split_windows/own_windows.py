def split_windows(ids, seq_len, stride, share=0.8):
    """Windows by an index into each part."""
    cut, parts = int(len(ids) * share), []
    for part in (torch.tensor(ids)[:cut], torch.tensor(ids)[cut:]):
        starts = torch.arange(0, len(part) - seq_len, stride)[:, None]  # (n, 1)
        places = starts + torch.arange(seq_len)  # (n, T)
        parts.append((part[places], part[places + 1]))
    return tuple(parts)
