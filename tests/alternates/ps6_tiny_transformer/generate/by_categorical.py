@torch.no_grad()
def generate(model, idx, max_new_tokens):
    """Drawn by a distribution object, into a tensor that is there from the beginning."""
    B, T = idx.shape
    texts = torch.cat([idx, idx.new_zeros(B, max_new_tokens)], dim=1)
    for end in range(T, T + max_new_tokens):
        logits = model(texts[:, max(0, end - model.max_seq_len) : end])[:, -1]
        texts[:, end] = torch.distributions.Categorical(logits=logits).sample()
    return texts
