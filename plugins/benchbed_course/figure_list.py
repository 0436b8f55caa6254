"""The figures of the course, in the order of the source document, with their suites or measurements."""

from benchbed.interfaces import Figure


def _figure(
    part: str,
    name: str,
    title: str,
    draw: str,
    *,
    suite: str | tuple[str, ...] | None = None,
    measure: str | None = None,
    takes_optimizers: bool = False,
) -> Figure:
    """Build a figure from functions named without the package that they share."""
    module = "benchbed_course.figures"
    return Figure(
        name, title, f"{module}.{draw}", suite, measure and f"{module}.{measure}", part, takes_optimizers
    )


FIGURES: tuple[Figure, ...] = (
    _figure(
        "C1", "linear-regression-path", "Gradient descent on the loss surface of a linear regression",
        "linear_regression:draw_path", suite=("course-linear-regression", "course-linear-regression-long"),
        takes_optimizers=True,
    ),
    _figure(
        "C2", "runge-fits", "Polynomials through drawn and through equispaced points",
        "runge_fits:draw_fits", suite="course-runge",
    ),
    _figure(
        "C2", "runge-threshold", "Train and test loss around the interpolation threshold",
        "runge:draw_threshold", suite="course-runge",
    ),
    _figure(
        "C2", "runge-training", "The peak after training",
        "runge:draw_training", suite="course-runge", takes_optimizers=True,
    ),
    _figure(
        "C3", "activations", "Four activations and their derivatives",
        "activations:draw_activations", measure="activations:measure",
    ),
    _figure(
        "C3", "shallow-network-breakpoints", "Breakpoints of a shallow network",
        "shallow_network:draw_breakpoints", suite="course-shallow-network", takes_optimizers=True,
    ),
    _figure(
        "C3", "shallow-network-activations", "Four activations compared",
        "shallow_network:draw_activations", suite="course-shallow-network", takes_optimizers=True,
    ),
    _figure(
        "C3", "shallow-network-sizes", "The error by the number of hidden units",
        "network_sizes:draw_errors", suite=("course-shallow-network", "course-shallow-network-sizes"),
        takes_optimizers=True,
    ),
    _figure(
        "C4", "triangles-exact", "Triangles composed by deep networks",
        "triangles:draw_exact", measure="triangles:measure_exact",
    ),
    _figure(
        "C4", "triangles-counts", "The same triangles, deep and shallow: how many parameters?",
        "triangle_counts:draw_counts", measure="triangle_counts:measure",
    ),
    _figure(
        "C4", "triangles-training", "Can an optimizer find the triangles?",
        "triangles:draw_training", suite="course-triangles", takes_optimizers=True,
    ),
    _figure(
        "C5", "toy-mean-paths", "Gradient descent and its stochastic form on the way to a mean",
        "toy_mean:draw_paths", suite=("course-toy-mean-gd", "course-toy-mean-sgd"), takes_optimizers=True,
    ),
    _figure(
        "C6", "quartic-paths", "Out of the local valley, by noise",
        "quartic:draw_paths", suite="course-quartic", takes_optimizers=True,
    ),
    _figure(
        "C6", "quartic-escape", "The share of seeds that escapes, by start",
        "quartic_shares:draw_escape", suite="course-quartic-scan", takes_optimizers=True,
    ),
    _figure(
        "C7", "quadratic-paths", "Gradient descent and momentum in a narrow valley",
        "quadratic:draw_paths", suite="course-quadratic", takes_optimizers=True,
    ),
    _figure(
        "C7", "quadratic-rates", "The loss, and the rates that theory predicts",
        "quadratic:draw_rates", suite="course-quadratic", takes_optimizers=True,
    ),
    _figure(
        "C7", "quadratic-edge", "The edge of stability",
        "quadratic:draw_edge", suite="course-quadratic-edge",
    ),
    _figure(
        "C8", "quadratic-rmsprop", "RMSProp against gradient descent",
        "quadratic_rmsprop:draw_rmsprop", suite="course-rmsprop", takes_optimizers=True,
    ),
    _figure(
        "C9", "weighted-quartic-noisy", "Optimizers under gradient noise",
        "weighted_quartic:draw_curves", suite="course-weighted-quartic", takes_optimizers=True,
    ),
    _figure(
        "C9", "weighted-quartic-noisy-ends", "Final points of optimizers under gradient noise",
        "weighted_quartic_ends:draw_ends", suite="course-weighted-quartic", takes_optimizers=True,
    ),
    _figure(
        "C9", "weighted-quartic-exact", "Optimizers without noise",
        "weighted_quartic:draw_curves", suite="course-weighted-quartic-exact", takes_optimizers=True,
    ),
    _figure(
        "C9", "weighted-quartic-exact-ends", "Final points of optimizers without noise",
        "weighted_quartic_ends:draw_ends", suite="course-weighted-quartic-exact", takes_optimizers=True,
    ),
    _figure(
        "C10", "polynomial-network-layers", "The layers of the network, and their parameters",
        "network_layers:draw_layers", measure="network_layers:measure",
    ),
    _figure(
        "C10", "polynomial-network", "A deep network learns a polynomial in ten dimensions",
        "polynomial_network:draw_fit", suite="course-polynomial-network", takes_optimizers=True,
    ),
    _figure(
        "C11", "forward-mode-costs", "Forward mode: the cost of a product, and of a Jacobian",
        "forward_mode:draw_costs", measure="forward_mode:measure",
    ),
    _figure(
        "C12", "multiplication-order", "The order of multiplication: forward against reverse",
        "multiplication_order:draw_orders", measure="multiplication_order:measure",
    ),
    _figure(
        "C12", "reverse-mode-graph", "Reverse mode: forward through a graph, and back",
        "reverse_graph:draw_graph", measure="reverse_graph:measure",
    ),
    _figure(
        "C12", "reverse-mode-costs", "Reverse mode: the cost by the number of inputs and of outputs",
        "reverse_mode:draw_costs", measure="reverse_mode:measure",
    ),
    _figure(
        "C12", "pullback", "Why a pullback is a function",
        "pullback:draw_pullback", measure="pullback:measure",
    ),
    _figure(
        "C12", "gradient-prices", "The cost of a gradient, and its price in a run",
        "gradient_prices:draw_prices", measure="gradient_prices:measure",
    ),
    _figure(
        "C13", "minimize", "The training harness in three lines",
        "harness:draw_minima", measure="harness:measure",
    ),
)  # fmt: skip
