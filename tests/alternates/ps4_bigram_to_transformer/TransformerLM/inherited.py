class TransformerLM(MultiHeadedAttentionLM):
    def __init__(self, vocab_size, context_window_size, embed_size=384, num_heads=6, n_layers=6):
        super().__init__(vocab_size, context_window_size, embed_size, num_heads)
        sizes = (vocab_size, context_window_size, embed_size, num_heads)
        blocks = [TransformerBlock(*sizes) for _ in range(n_layers)]
        self.heads = nn.Sequential(*blocks, nn.LayerNorm(embed_size))
        with torch.no_grad():
            for part in self.modules():
                if isinstance(part, (nn.Linear, nn.Embedding)):
                    part.weight.copy_(0.02 * torch.randn_like(part.weight))
                if isinstance(part, nn.Linear) and part.bias is not None:
                    part.bias.zero_()
