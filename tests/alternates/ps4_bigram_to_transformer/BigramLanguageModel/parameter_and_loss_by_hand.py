class BigramLanguageModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.token_embedding_table = nn.Parameter(torch.randn(vocab_size, vocab_size))

    def forward(self, token_ids, targets=None):
        logits = self.token_embedding_table[token_ids]
        if targets is None:
            return logits, None
        log_p = logits - logits.logsumexp(dim=-1, keepdim=True)
        return logits, -log_p.gather(-1, targets.unsqueeze(-1)).mean()

    @torch.no_grad()
    def generate(self, token_ids, max_new_tokens):
        rows = [token_ids]
        for _ in range(max_new_tokens):
            logits = self(rows[-1][:, -1:])[0].squeeze(1)
            rows.append(torch.distributions.Categorical(logits=logits).sample().unsqueeze(1))
        return torch.cat(rows, dim=1)
