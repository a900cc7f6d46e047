class SingleHeadedAttentionLM(nn.Module):
    def __init__(self, vocab_size, context_window_size, head_size, embed_size=384):
        super().__init__()
        self.C = context_window_size
        self.token_embedding_table = nn.Embedding(vocab_size, embed_size)
        self.position_embedding_table = nn.Parameter(torch.zeros(context_window_size, embed_size))
        self.lm_head = nn.Linear(embed_size, vocab_size, bias=False)
        self.look = Head(embed_size=embed_size, head_size=head_size, context_window_size=self.C)

    def forward(self, token_ids, targets=None):
        x = self.token_embedding_table(token_ids)
        x = x + self.position_embedding_table[None, : token_ids.shape[1]]
        logits = self.lm_head(self.look(x))
        if targets is None:
            return logits, None
        right = logits.gather(2, targets[..., None])[..., 0]
        return logits, (torch.logsumexp(logits, dim=2) - right).mean()

    def generate(self, token_ids, max_new_tokens):
        text = token_ids.clone()
        with torch.inference_mode():
            while text.shape[1] < token_ids.shape[1] + max_new_tokens:
                logits = self(text[:, max(0, text.shape[1] - self.C) :])[0][:, -1]
                drawn = torch.distributions.Categorical(logits=logits).sample()
                text = torch.hstack([text, drawn[:, None]])
        return text
