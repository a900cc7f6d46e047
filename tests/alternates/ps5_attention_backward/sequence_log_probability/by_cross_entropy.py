def sequence_log_probability(model, tokens):
    scores = model(tokens[:, :-1]).transpose(1, 2)
    losses = F.cross_entropy(scores, tokens[:, 1:], ignore_index=PAD, reduction="none")
    return -losses.sum(dim=1)
