class MultiHeadedAttentionLM(SingleHeadedAttentionLM):
    def __init__(self, vocab_size, context_window_size, embed_size=384, num_heads=6):
        size = embed_size // num_heads
        super().__init__(vocab_size, context_window_size, size, embed_size)
        self.head = MultiHeadAttention(context_window_size, num_heads, size, embed_size)
