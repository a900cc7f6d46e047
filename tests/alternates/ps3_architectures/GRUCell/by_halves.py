class GRUCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W_r, self.W_z, self.W_n = (
            nn.Linear(input_size, hidden_size, bias=False) for _ in range(3)
        )
        self.U_r, self.U_z, self.U_n = (
            nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(3)
        )

    def forward(self, x, h):
        reset = 1 / (1 + torch.exp(-self.W_r(x) - self.U_r(h)))
        update = 0.5 * (1 + torch.tanh(0.5 * (self.W_z(x) + self.U_z(h))))
        proposal = F.tanh(self.W_n(x) + F.linear(reset.mul(h), self.U_n.weight))
        return torch.lerp(proposal, h, update), reset, update, proposal
