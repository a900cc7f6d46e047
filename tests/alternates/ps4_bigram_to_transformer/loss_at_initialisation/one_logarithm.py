def loss_at_initialisation(vocab_size, std):
    import math

    return torch.tensor(math.log(vocab_size * math.exp(std * std / 2)))
