def merge_pair(a, b, splits):
    """A token is joined to the last one if that is an a which is not itself joined."""

    def joined(tokens):
        done, is_fresh = [], False
        for token in tokens:
            if is_fresh and done[-1] == a and token == b:
                done[-1], is_fresh = a + b, False
            else:
                done.append(token)
                is_fresh = True
        return done

    return {word: joined(tokens) for word, tokens in splits.items()}
