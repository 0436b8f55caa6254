"""Say after which steps a trial is measured: where benchbed measures it."""


def checkpoints():
    """Give 1, …, 10, and then without end the steps nearest to 10^(1 + k/20)."""
    yield from range(1, 11)
    place, last = 1, 10
    while True:
        step = round(10 ** (1 + place / 20))
        if step > last:
            yield step
        place, last = place + 1, step
