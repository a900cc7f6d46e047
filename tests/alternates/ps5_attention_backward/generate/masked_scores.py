@torch.inference_mode()
def generate(model, x, timesteps):
    for _ in range(timesteps):
        scores = model(x)[:, -1, :]
        is_special = torch.arange(scores.shape[-1], device=x.device) <= EOS
        likeliest = torch.where(is_special, torch.finfo(scores.dtype).min, scores).argmax(dim=1)
        x = torch.cat((x, likeliest.unsqueeze(1)), 1)
    return x[:, -timesteps:]
