from collections import Counter


def tally(names):
    found = Counter(tidy(name) for name in names)
    by_name = sorted(found.items())
    return sorted(by_name, key=lambda pair: pair[1], reverse=True)
