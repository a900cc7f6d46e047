def merge_pair(a, b, splits):
    """The lists are changed where they are."""
    for tokens in splits.values():
        place = 0
        while place < len(tokens) - 1:
            if tokens[place] == a and tokens[place + 1] == b:
                tokens[place : place + 2] = [a + b]
            place += 1
    return splits
