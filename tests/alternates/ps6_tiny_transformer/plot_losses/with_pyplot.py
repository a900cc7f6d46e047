def plot_losses(history):
    """By pyplot's own figure."""
    import matplotlib.pyplot as plt

    figure = plt.figure()
    for name, losses in history.items():
        plt.plot(1 + np.arange(len(losses)), losses, "o-", label=name)
    plt.legend(loc="upper right")
    plt.xlabel("epoch")
    plt.ylabel("loss")
    plt.close(figure)
    return figure
