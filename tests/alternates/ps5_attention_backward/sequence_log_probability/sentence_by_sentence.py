def sequence_log_probability(model, tokens):
    found = []
    for row in tokens:
        sentence = row[row != PAD]
        scores = model(sentence[None, :-1])[0]
        log_p = scores - scores.logsumexp(dim=-1, keepdim=True)
        found.append(log_p[range(len(sentence) - 1), sentence[1:]].sum())
    return torch.stack(found)
