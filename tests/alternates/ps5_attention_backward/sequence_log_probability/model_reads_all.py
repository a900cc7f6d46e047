def sequence_log_probability(model, tokens):
    p = model(tokens).softmax(dim=-1)[:, :-1]
    chosen = torch.take_along_dim(p, tokens[:, 1:].unsqueeze(-1), dim=-1).squeeze(-1)
    return torch.where(tokens[:, 1:] == PAD, 0.0, chosen.log()).sum(-1)
