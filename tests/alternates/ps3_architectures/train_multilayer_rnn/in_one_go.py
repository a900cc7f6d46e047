def train_multilayer_rnn(sizes, depths, dataloader, lr=1e-3, max_iters=None):
    vocab_size, embed_size, hidden_size = sizes
    models = [MultiLayerRNN(vocab_size, embed_size, hidden_size, depth) for depth in depths]
    settings = {"lr": lr, "max_iters": max_iters, "print_every": 10**6, "is_rnn": True}
    losses = [train_language_model(model, dataloader, **settings) for model in models]
    return dict(zip(depths, losses, strict=True))
