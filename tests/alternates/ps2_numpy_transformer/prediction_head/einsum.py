def prediction_head(x, params):
    return np.einsum("vd,nd->nv", params["fc_out.weight"], x) + params["fc_out.bias"][None, :]
