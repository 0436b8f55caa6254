"""Tasks of the tests of workers, in a module of their own: a worker process imports a task by its module's name."""

import os
import sys
import time

import msgspec


class Number(msgspec.Struct):
    """A task."""

    value: int = 0


def double(task):
    return 2 * msgspec.json.decode(task, type=Number).value


def raise_error(task):
    raise ValueError("not today")


def imitate_timeout(task):
    os.write(sys.stderr.fileno(), b"Timeout (0:00:01)!\n")
    os._exit(1)


def sleep(task):
    time.sleep(60)
