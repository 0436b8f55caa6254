"""The checkpoints of benchbed, as numbers of steps."""


def checkpoints():
    """Yield 1, …, 10 and then the steps nearest to 10^(1 + k/20), without end."""
    yield from range(1, 11)
    index, last = 1, 10
    while True:
        step = round(10 ** (1 + index / 20))
        if step > last:
            yield step
        index, last = index + 1, step
