"""The losses of the networks in JAX, of parameters by their names in torch.

Each is the fastest of several forms on a CPU. Slower or equal were: `lax.conv_general_dilated` (four times), channels
last, and one-hot vectors in place of gathered rows of the embedding and of the logits.
"""

import jax
import jax.numpy as jnp
from jax import lax

HEADS = 2


def polynomial_network(theta, data, draw):
    """½ mean (network(x) − y)² on a mini-batch."""
    values = data["x"][draw]
    for layer in (1, 2):
        values = jax.nn.gelu(values @ theta[f"weight{layer}"].T + theta[f"bias{layer}"], approximate=True)
    return 0.5 * jnp.mean((values @ theta["weight3"].T + theta["bias3"] - data["y"][draw]) ** 2)


def digits_mlp(theta, data, draw):
    """Cross entropy of an MLP with ReLU."""
    values = jax.nn.relu(_linear(theta, "0", data["x"][draw]))
    return cross_entropy(_linear(theta, "2", values), data["y"][draw])


def digits_cnn(theta, data, draw):
    """Cross entropy of convolutions with a maximum over 2 × 2 pixels, then a mean over 4 × 4."""
    images = jnp.swapaxes(data["x"][draw], 0, 1)
    values = jax.nn.relu(_convolution(theta, "0", images))
    values = values.reshape(8, -1, 4, 2, 4, 2).max((3, 5))
    values = jax.nn.relu(_convolution(theta, "3", values)).mean((2, 3))
    return cross_entropy(_linear(theta, "7", values.T), data["y"][draw])


def char_transformer(theta, data, draw):
    """Cross entropy of the next letters."""
    letters = data["x"][draw]
    x = theta["token.weight"][letters] + theta["place.weight"]
    heads = _linear(theta, "attention", _normalize(theta, "before_attention", x))
    query, key, value = jnp.moveaxis(heads.reshape(*x.shape[:2], 3, HEADS, -1), (2, 3), (0, 2))
    weights = query @ jnp.swapaxes(key, -1, -2) / jnp.sqrt(query.shape[-1]).astype(x.dtype)
    weights = jnp.where(jnp.tril(jnp.ones(weights.shape[-2:], bool)), weights, -jnp.inf)
    mixed = jnp.swapaxes(jax.nn.softmax(weights) @ value, 1, 2).reshape(x.shape)
    x = x + _linear(theta, "mix", mixed)
    hidden = jax.nn.gelu(_linear(theta, "hidden", _normalize(theta, "before_hidden", x)), approximate=False)
    x = x + _linear(theta, "out", hidden)
    logits = _linear(theta, "head", _normalize(theta, "before_head", x))
    return cross_entropy(logits, data["y"][draw])


def cross_entropy(logits, labels):
    """Mean of the negative logarithms of the labels' probabilities."""
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], axis=-1)
    return -chosen.mean()


def _linear(theta, name, values):
    product = values @ theta[f"{name}.weight"].T
    return product + theta[f"{name}.bias"] if f"{name}.bias" in theta else product


def _convolution(theta, name, images):
    """Convolution of `images: [channels, batch, height, width]` with 3 × 3 pixels, as a product with shifted images."""
    _, batch, height, width = images.shape
    padded = jnp.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    shifts = [padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    weight = theta[f"{name}.weight"]
    product = weight.reshape(len(weight), -1) @ jnp.stack(shifts, 1).reshape(-1, batch * height * width)
    return (product + theta[f"{name}.bias"][:, None]).reshape(-1, batch, height, width)


def _normalize(theta, name, values):
    centered = values - values.mean(-1, keepdims=True)
    scale = lax.rsqrt(jnp.square(centered).mean(-1, keepdims=True) + 1e-5)
    return centered * scale * theta[f"{name}.weight"] + theta[f"{name}.bias"]


NETWORKS = {
    "polynomial-network": polynomial_network,
    "digits-mlp": digits_mlp,
    "digits-cnn": digits_cnn,
    "char-transformer": char_transformer,
}
