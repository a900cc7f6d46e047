def density(counts, hectares):
    return (counts.T / hectares).T
